"""Asking the user, through the editor, for leave that an effect needs."""

from acp import RequestError, helpers, schema
from acp.interfaces import Client

from kimi_tools import policy

_ONCE = schema.PermissionOption(option_id="once", name="Allow", kind="allow_once")
_NO = schema.PermissionOption(option_id="no", name="Refuse", kind="reject_once")


def _always(request: policy.Request) -> schema.PermissionOption:
    what = request.subject if request.always else "exactly this"
    return schema.PermissionOption(
        option_id="always", name=f"Allow {policy.visible(what)} in this session", kind="allow_always"
    )


def asker(client: Client, session: str, lasting: set[str]) -> policy.Ask:
    """How one session asks. `lasting`: what the user has allowed for as long as the session is open.

    A yes covers the very content that was shown. "Always" covers that content again, or, where the request
    says what a lasting yes covers, all of that (one tool of a server as it is now declared).
    """

    async def ask(request: policy.Request) -> bool:
        key = request.always or request.digest
        if key in lasting:
            return True
        shown = helpers.tool_content(helpers.text_block(policy.visible(request.content or request.sentence)))
        name = f"leave.{request.digest[:12]}"
        update = schema.ToolCallUpdate(
            tool_call_id=name,
            title=policy.visible(request.sentence),
            kind="other",
            status="pending",
            content=[shown],
        )
        try:
            answer = await client.request_permission(session, update, [_ONCE, _always(request), _NO])
        except RequestError:  # the editor cannot ask, or has left: nobody said yes
            return False
        chosen = answer.outcome
        given = chosen.option_id if isinstance(chosen, schema.AllowedOutcome) else ""
        allowed = given in ("once", "always")
        if given == "always":
            lasting.add(key)
        status = "completed" if allowed else "failed"
        done = helpers.update_tool_call(name, title=update.title, status=status)
        await client.session_update(session, done)
        return allowed

    return ask
