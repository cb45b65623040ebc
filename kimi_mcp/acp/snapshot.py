"""Makes the answer to `initialize` that `greeting` gives from `initialize.json`."""

from importlib.metadata import version

from acp import schema


def hello() -> schema.InitializeResponse:
    """What we speak and can."""
    return schema.InitializeResponse(
        protocol_version=1,
        agent_info=schema.Implementation(name="kimi-mcp", title="Kimi", version=version("kimi-mcp")),
        agent_capabilities=schema.AgentCapabilities(
            load_session=True,
            prompt_capabilities=schema.PromptCapabilities(image=True, embedded_context=True),
            mcp_capabilities=schema.McpCapabilities(http=True),
            session_capabilities=schema.SessionCapabilities(
                list=schema.SessionListCapabilities(),
                delete=schema.SessionDeleteCapabilities(),
                resume=schema.SessionResumeCapabilities(),
                close=schema.SessionCloseCapabilities(),
                fork=schema.SessionForkCapabilities(),
            ),
        ),
    )
