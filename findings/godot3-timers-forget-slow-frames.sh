#!/usr/bin/env bash
# Guess:    a Timer of Godot 3 with a wait time of two seconds fires two seconds later, or at the end of the frame in which
#           they are over when a frame takes long.
# Really:   a frame counts for at most 8 steps of physics, 0.133 s at 60 steps per second, however long it took. With frames
#           of half a second a Timer of 2 s fires after 7.5 s, and a level that takes 5 s to load is 0.133 s for each
#           Timer, for `create_timer`, for the `timeout` of HTTPRequest, and in the `delta` of `_process`.
# Versions: Godot 3.2.3 (godot3-server of Debian 12), 2026-11-30. Godot 4 has the same rule as "max physics steps per frame".
# Who:      clients that send heartbeats, give up, retry, or show a countdown by a Timer or by adding up `delta`.
# Matters:  below 7.5 frames per second the client's time is slower than the server's. At two frames per second a heartbeat
#           every 30 s comes every 113 s, and a server that waits for 75 s has closed the connection. Compare with
#           `OS.get_ticks_msec()`, which is right.
#
# It takes 25 s besides the download.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# The package and those of its libraries that are not installed, into this folder only.
mkdir -p archives/partial
timeout 60 apt-get install -qq --download-only --reinstall --no-install-recommends -y -o APT::Sandbox::User=root \
    -o Dir::Cache::archives="$folder/archives" godot3-server='3.2.3*' >apt.log 2>&1 || {
    echo "not installed, so nothing was tried:" >&2
    tail -n 5 apt.log >&2
    exit 2
}
for package in archives/*.deb; do dpkg -x "$package" root; done
libraries=$(find "$PWD/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
cat >timers.gd <<'GD'
extends SceneTree

const WAIT_S = 2.0

var frame_ms = 0
var delta_s = 0.0


func _init():
	call_deferred("_try")


# One frame: it takes as long as it is told to.
func _idle(delta):
	delta_s = delta
	if frame_ms > 0:
		OS.delay_msec(frame_ms)
	return false


func _try():
	var of_60 = yield(_time_of_a_timer(0), "completed")
	print("frames of 17 ms:  a Timer of 2 s fires after %.2f s" % of_60)
	var of_2 = yield(_time_of_a_timer(500), "completed")
	print("frames of 500 ms: a Timer of 2 s fires after %.2f s, and a frame's delta is %.3f s" % [of_2, delta_s])
	frame_ms = 0
	var frozen = yield(_time_over_a_freeze(), "completed")
	print("one of 5,000 ms:  a Timer of 2 s fires after %.2f s" % frozen)
	var is_so = abs(of_60 - 2.0) < 0.7 and of_2 > 6.0 and frozen > 6.3
	print("as described: a slow frame counts for 0.133 s" if is_so else "Godot behaves otherwise now")
	quit(0 if is_so else 1)


func _time_of_a_timer(of_frame_ms):
	frame_ms = of_frame_ms
	yield(self, "idle_frame")
	yield(self, "idle_frame")
	var began_ms = OS.get_ticks_msec()
	yield(_started(), "timeout")
	return (OS.get_ticks_msec() - began_ms) / 1000.0


func _time_over_a_freeze():
	for _i in range(10):
		yield(self, "idle_frame")
	var began_ms = OS.get_ticks_msec()
	var timer = _started()
	OS.delay_msec(5000)
	yield(timer, "timeout")
	return (OS.get_ticks_msec() - began_ms) / 1000.0


func _started():
	var timer = Timer.new()
	timer.one_shot = true
	timer.wait_time = WAIT_S
	root.add_child(timer)
	timer.start()
	return timer
GD
printf 'Godot '
LD_LIBRARY_PATH=$libraries ./root/usr/bin/godot3-server --version || true # it says the version and ends with 255
LD_LIBRARY_PATH=$libraries HOME=$folder timeout 45 ./root/usr/bin/godot3-server -s timers.gd 2>errors | grep -v -e '^Godot Engine' -e '^ *$' || {
    echo "Godot behaves otherwise now" >&2
    cat errors >&2
    exit 1
}
