"""A scripted model for clients: it calls the tools of a plan, one after the other, and then says it is done.

It speaks what the clients speak: OpenAI's chat completions and responses, Anthropic's messages, Google's
generateContent, streamed or not. What is wrong with a request is not its business; `tests/kimi_api` is strict.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DONE = "The plan is carried out."

NAME = "kimi"
"""What the server is called in each client's settings."""


@dataclass
class Offered:
    """A tool as a request offers it: its name, and the namespace that some clients put around it."""

    name: str
    namespace: str = ""


@dataclass
class Model:
    """One scripted conversation. `plan`: our tools' names and their arguments."""

    plan: list[tuple[str, dict[str, Any]]]
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of the requests that offered our tools."""
    other_requests: int = 0
    offered: list[str] = field(default_factory=list)
    """All tool names of the last request with tools."""

    def next_call(self, tools: list[Offered], results: int) -> tuple[Offered, dict[str, Any]] | None:
        """The call to make after so many results; None when the plan is carried out or nothing fits."""
        self.offered = [tool.name for tool in tools] or self.offered
        if results >= len(self.plan):
            return None
        wanted, arguments = self.plan[results]
        for tool in tools:
            if tool.name == "run_typescript":  # Vibe: MCP tools are functions of a program
                call = f"tools.mcp_{NAME}.{wanted}({json.dumps(arguments)})"
                return tool, {"code": f"async function main() {{ return await {call}; }}"}
        ours = [
            *(tool for tool in tools if tool.namespace and tool.name == wanted),
            *(tool for tool in tools if tool.name.endswith((f"_{wanted}", f"-{wanted}"))),
            *(tool for tool in tools if tool.name == wanted),  # last: clients have tools of their own
        ]
        return (ours[0], arguments) if ours else None

    def texts(self) -> str:
        """Everything that the model was shown after the first call, as one JSON text."""
        return json.dumps(self.requests[1:], ensure_ascii=False)


def chat(model: Model, body: dict[str, Any]) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    tools = [Offered(tool["function"]["name"]) for tool in body.get("tools") or []]
    results = sum(message["role"] == "tool" for message in body["messages"])
    call = model.next_call(tools, results)
    message: dict[str, Any] = {"role": "assistant", "content": DONE}
    if call is not None:
        function = {"name": call[0].name, "arguments": json.dumps(call[1])}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"index": 0, "id": f"call_{results}", "type": "function", "function": function}],
        }
    reason = "stop" if call is None else "tool_calls"
    frame = {"id": "chat-1", "created": 1, "model": body.get("model", "m")}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}

    def pieces() -> Iterator[dict[str, Any]]:
        start = {**frame, "object": "chat.completion.chunk"}
        yield {**start, "choices": [{"index": 0, "delta": message, "finish_reason": None}]}
        yield {**start, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
        yield {**start, "choices": [], "usage": usage}

    choice = {"index": 0, "message": message, "finish_reason": reason}
    return {**frame, "object": "chat.completion", "choices": [choice], "usage": usage}, pieces()


def responses(model: Model, body: dict[str, Any]) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    tools: list[Offered] = []
    for tool in body.get("tools") or []:
        for inner in tool.get("tools", [tool]):
            if "name" in inner:
                tools.append(Offered(inner["name"], tool["name"] if "tools" in tool else ""))
    items = body["input"] if isinstance(body["input"], list) else []
    results = sum(item.get("type") == "function_call_output" for item in items)
    call = model.next_call(tools, results)
    item: dict[str, Any] = {
        "type": "message",
        "role": "assistant",
        "id": "msg_1",
        "status": "completed",
        "content": [{"type": "output_text", "text": DONE, "annotations": []}],
    }
    if call is not None:
        item = {
            "type": "function_call",
            "id": f"fc_{results}",
            "call_id": f"call_{results}",
            "name": call[0].name,
            "arguments": json.dumps(call[1]),
            "status": "completed",
            **({"namespace": call[0].namespace} if call[0].namespace else {}),
        }
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 15,
    }
    whole = {"id": "resp_1", "object": "response", "status": "completed", "output": [item], "usage": usage}

    def events() -> Iterator[dict[str, Any]]:
        yield {"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}}
        yield {"type": "response.output_item.added", "output_index": 0, "item": item}
        yield {"type": "response.output_item.done", "output_index": 0, "item": item}
        yield {"type": "response.completed", "response": whole}

    return whole, events()


def messages(model: Model, body: dict[str, Any]) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    tools = [Offered(tool["name"]) for tool in body.get("tools") or []]
    blocks = [
        block
        for message in body["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
    ]
    results = sum(block.get("type") == "tool_result" for block in blocks)
    call = model.next_call(tools, results)
    block: dict[str, Any] = {"type": "text", "text": DONE}
    if call is not None:
        block = {"type": "tool_use", "id": f"toolu_{results}", "name": call[0].name, "input": call[1]}
    reason = "end_turn" if call is None else "tool_use"
    usage = {"input_tokens": 10, "output_tokens": 5}
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": body.get("model", "m")}
    whole |= {"content": [block], "stop_reason": reason, "stop_sequence": None, "usage": usage}

    def events() -> Iterator[dict[str, Any]]:
        yield {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}}
        empty = {**block, "text": ""} if call is None else {**block, "input": {}}
        yield {"type": "content_block_start", "index": 0, "content_block": empty}
        delta = (
            {"type": "text_delta", "text": DONE}
            if call is None
            else {"type": "input_json_delta", "partial_json": json.dumps(call[1])}
        )
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
        yield {"type": "content_block_stop", "index": 0}
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": usage,
        }
        yield {"type": "message_stop"}

    return whole, events()


def gemini(model: Model, body: dict[str, Any]) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    tools = [
        Offered(declared["name"])
        for tool in body.get("tools") or []
        for declared in tool.get("functionDeclarations", [])
    ]
    parts = [part for content in body["contents"] for part in content.get("parts", [])]
    results = sum("functionResponse" in part for part in parts)
    call = model.next_call(tools, results)
    part: dict[str, Any] = {"text": DONE}
    if call is not None:
        part = {"functionCall": {"name": call[0].name, "args": call[1]}}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
    whole = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "fake"}
    return whole, iter([whole])


class Endpoint:
    """The model behind an HTTP server on a free port of the loopback interface."""

    def __init__(self, model: Model) -> None:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                return

            def do_GET(self) -> None:
                self._json(
                    {"object": "list", "data": [{"id": "fake-model", "object": "model"}], "models": []}
                )

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                path = self.path.partition("?")[0]
                if path.endswith(("/count_tokens", ":countTokens")):
                    self._json({"input_tokens": 10, "totalTokens": 10})
                    return
                speak = endpoint.dialect(path)
                if speak is None:
                    self.send_error(404)
                    return
                with endpoint.lock:
                    whole, events = speak(model, body)
                    if body.get("tools"):
                        model.requests.append(body)
                    else:
                        model.other_requests += 1
                if body.get("stream") or "stream" in path:
                    self._stream(events, named=speak in (messages, responses), ended=speak is chat)
                else:
                    self._json(whole)

            def _json(self, answer: dict[str, Any]) -> None:
                data = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _stream(self, events: Iterator[dict[str, Any]], *, named: bool, ended: bool) -> None:
                lines = [
                    (f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n"
                    for event in events
                ]
                data = ("".join(lines) + ("data: [DONE]\n\n" if ended else "")).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def dialect(self, path: str) -> Any:
        """The function that speaks what is asked for at a path."""
        if path.endswith("/chat/completions"):
            return chat
        if path.endswith("/responses"):
            return responses
        if path.endswith("/messages"):
            return messages
        return gemini if "enerateContent" in path else None

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
