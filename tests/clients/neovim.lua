-- CodeCompanion's chat with the agent, without a screen: nvim --headless -u NONE -l neovim.lua
local env = vim.env
vim.opt.runtimepath:append({ env.PLENARY, env.CODECOMPANION })
vim.cmd.runtime("plugin/codecompanion.lua")

local settings = dofile(env.SETTINGS)
local make = settings.adapters.acp.kimi
settings.adapters.acp.kimi = function()
  local adapter = make()
  adapter.commands.default = vim.json.decode(env.AGENT) -- the same agent, watched
  return adapter
end
require("codecompanion").setup(settings)

local done = false
vim.api.nvim_create_autocmd("User", {
  pattern = { "CodeCompanionChatDone", "CodeCompanionChatStopped" },
  callback = function()
    done = true
  end,
})

-- the person answers "accept" as soon as a question is in the chat
local confirm = require("codecompanion.interactions.chat.acp.request_permission")
local ask = confirm.confirm
confirm.confirm = function(chat, request)
  ask(chat, request)
  vim.defer_fn(function()
    local key = require("codecompanion.interactions.chat.tools.labels").keymaps().accept
    vim.api.nvim_set_current_buf(chat.bufnr)
    vim.api.nvim_feedkeys(vim.keycode(key), "x", false)
  end, 200)
end

vim.cmd.edit("a.py")
local chat = require("codecompanion").chat({ user_prompt = env.PROMPT, auto_submit = true })
if env.TASK == "cancel" then
  vim.wait(60000, function()
    local text = table.concat(vim.api.nvim_buf_get_lines(chat.bufnr, 0, -1, false), "\n")
    return text:find("sleep 50", 1, true) ~= nil
  end, 100)
  chat:stop()
end
vim.wait(100000, function()
  return done
end, 100)
vim.wait(2000, function()
  return false
end, 100)
print(table.concat(vim.api.nvim_buf_get_lines(chat.bufnr, 0, -1, false), "\n"))
vim.cmd("qall!")
