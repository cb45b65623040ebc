-- Kimi in CodeCompanion: dofile() this, and give the table to require("codecompanion").setup.
return {
  adapters = {
    acp = {
      kimi = function()
        return require("codecompanion.adapters").extend("kimi_cli", {
          name = "kimi",
          formatted_name = "Kimi",
          commands = { default = { "kimi-mcp", "acp" } },
        })
      end,
    },
  },
  interactions = { chat = { adapter = "kimi" } },
}
