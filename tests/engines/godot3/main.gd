# Plays the game around lobby_client.gd: a test says what to do over a local TCP connection, one JSON object per line, and
# hears every signal and message of the client the same way. The port of the test is in the environment.
extends SceneTree

var _client
var _test = StreamPeerTCP.new()
var _received = ""
var _is_counting = false  # what comes in is counted by type, lists by their items, and not told one by one
var _counts = {}


func _initialize():
	_client = load("res://lobby_client.gd").new()
	root.add_child(_client)
	for name in ["connection_established", "connection_lost", "rooms_list_changed"]:
		_client.connect(name, self, "_tell_signal", [name])
	_client.connect("user_status_changed", self, "_tell_status")
	_client.connect("message_received", self, "_tell_message")
	_client.connect("request_completed", self, "_tell_answer")
	_test.connect_to_host("127.0.0.1", int(OS.get_environment("LOBBY_TEST_PORT")))


func _idle(_delta_s):
	OS.delay_msec(16)  # a game looks at its socket once per picture
	if _test.get_status() == StreamPeerTCP.STATUS_CONNECTING:
		return false
	if _test.get_status() != StreamPeerTCP.STATUS_CONNECTED:
		return true
	if _test.get_available_bytes() > 0:
		_received += _test.get_utf8_string(_test.get_available_bytes())
	var end = _received.find("\n")
	while end >= 0:
		_do(JSON.parse(_received.substr(0, end)).result)
		_received = _received.substr(end + 1)
		end = _received.find("\n")
	return false


func _do(command):
	match command["do"]:
		"set_up":
			_client.http_url = command["http_url"]
			_client.retry_s = command["retry_s"]
			_client.features = command["features"]
			_client.is_binary = command["is_binary"]
			_client.is_polled = command["is_polled"]
			_client.buffer_kib = int(command["buffer_kib"])
		"count":
			_is_counting = true
			_counts = {}
		"report":
			_tell({"signal": "counted", "counts": _counts})
		"use_token":
			_client.token = command["token"]
		"connect":
			_client.connect_to_server()
		"disconnect":
			_client.disconnect_from_server()
		"send":
			_client.send(command["type"], command["data"])
		"request":
			_client.request(command["method"], command["path"], command["body"])


func _tell(event):
	_test.put_data((JSON.print(event) + "\n").to_utf8())


func _tell_signal(name):
	_tell({"signal": name})


func _tell_status(user_id, is_online):
	if _is_counting:
		return
	_tell({"signal": "user_status_changed", "user_id": user_id, "is_online": is_online})


func _tell_message(message):
	if _is_counting:
		var data = message["data"]
		var items = 1
		for name in ["rooms", "online", "set"]:
			items = data[name].size() if data.has(name) and typeof(data[name]) == TYPE_ARRAY else items
		_counts[message["type"]] = _counts.get(message["type"], 0) + items
		return
	_tell({"message": message})


func _tell_answer(status, body):
	_tell({"signal": "request_completed", "status": status, "body": body})
