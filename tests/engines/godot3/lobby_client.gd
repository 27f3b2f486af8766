# A game's connection to the lobby, on the base protocol unless a test asks for features: log in over HTTP, keep one socket open, come back after a loss.
extends Node

signal connection_established
signal connection_lost
signal rooms_list_changed
signal user_status_changed(user_id, is_online)
signal message_received(message)
signal request_completed(status, body)

const HEARTBEAT_S = 30.0

var http_url = ""
var token = ""
var retry_s = 5.0
var features = []
var is_binary = false
var is_polled = false  # take what has come after each poll, as many games do, and not by the signal for each message
var buffer_kib = 0  # of what has come and is not taken yet; 0: the engine's 64

var _socket = null
var _is_wanted = false
var _is_open = false
var _retry_in_s = -1.0
var _heartbeat_in_s = HEARTBEAT_S


func connect_to_server():
	_is_wanted = true
	_socket = WebSocketClient.new()
	if buffer_kib > 0:
		_socket.set_buffers(buffer_kib, 4096, 64, 1024)
	_socket.connect("connection_established", self, "_on_open")
	_socket.connect("connection_closed", self, "_on_closed")
	_socket.connect("connection_error", self, "_on_error")
	if not is_polled:
		_socket.connect("data_received", self, "_on_data")
	if _socket.connect_to_url(http_url.replace("http", "ws")) != OK:
		_on_error()


func disconnect_from_server():
	_is_wanted = false
	if _socket != null:
		_socket.disconnect_from_host(1000, "logged out")


func send(type, data):
	_socket.get_peer(1).put_packet(JSON.print({"type": type, "data": data}).to_utf8())


func request(method, path, body):
	var call = HTTPRequest.new()
	add_child(call)
	call.connect("request_completed", self, "_on_answer", [call])
	var headers = ["Content-Type: application/json"]
	if token != "":
		headers.append("Authorization: Bearer " + token)
	var methods = {"GET": HTTPClient.METHOD_GET, "POST": HTTPClient.METHOD_POST, "DELETE": HTTPClient.METHOD_DELETE}
	call.request(http_url + path, headers, true, methods[method], "" if body == null else JSON.print(body))


func _process(delta_s):
	if _retry_in_s >= 0.0:
		_retry_in_s -= delta_s
		if _retry_in_s < 0.0:
			connect_to_server()
	if _socket != null:
		_socket.poll()
	if _socket != null and is_polled and _is_open:
		while _socket != null and _socket.get_peer(1).get_available_packet_count() > 0:
			_on_data()
	if _is_open:
		_heartbeat_in_s -= delta_s
		if _heartbeat_in_s < 0.0:
			_heartbeat_in_s = HEARTBEAT_S
			send("ping", {})


func _on_open(_protocol):
	_is_open = true
	_heartbeat_in_s = HEARTBEAT_S
	if not is_binary:  # the engine's default is binary frames
		_socket.get_peer(1).set_write_mode(WebSocketPeer.WRITE_MODE_TEXT)
	var handshake = {"version": "13020", "name": "godot", "token": token}
	if not features.empty():
		handshake["features"] = features
	send("handshake", handshake)


func _on_closed(_was_clean):
	_is_open = false
	_socket = null
	emit_signal("connection_lost")
	_retry_later()


func _on_error():
	_socket = null
	_retry_later()


func _retry_later():
	if _is_wanted:
		_retry_in_s = retry_s


func _on_data():
	var message = JSON.parse(_socket.get_peer(1).get_packet().get_string_from_utf8()).result
	emit_signal("message_received", message)
	match message["type"]:
		"handshake_accepted":
			emit_signal("connection_established")
		"rooms_changed":
			emit_signal("rooms_list_changed")
		"user_online":
			emit_signal("user_status_changed", int(message["data"]["user_id"]), true)
		"user_offline":
			emit_signal("user_status_changed", int(message["data"]["user_id"]), false)


func _on_answer(_result, status, _headers, body, call):
	call.queue_free()
	var answer = JSON.parse(body.get_string_from_utf8()).result
	emit_signal("request_completed", status, answer)
