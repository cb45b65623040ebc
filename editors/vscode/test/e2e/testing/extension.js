// Python's own unittest in VS Code's Testing view: what a test extension would give, small enough for our run. And a
// command that calls a tool of ours as VS Code's own agent does.
const vscode = require("vscode");
const { execFile } = require("node:child_process");

exports.activate = (context) => {
  const controller = vscode.tests.createTestController("unittest", "unittest");
  context.subscriptions.push(controller, vscode.commands.registerCommand("unittest.callKimi", callKimi));
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (!folder) return;
  const uri = vscode.Uri.joinPath(folder.uri, "test_shop.py");
  const load = async () => {
    const { lineCount, lineAt } = await vscode.workspace.openTextDocument(uri);
    for (let line = 0; line < lineCount; line++) {
      const found = /^ {4}def (test_\w+)/.exec(lineAt(line).text);
      if (!found) continue;
      const item = controller.createTestItem(`test_shop.Shop.${found[1]}`, found[1], uri);
      item.range = new vscode.Range(line, 4, line, 4 + found[0].length);
      controller.items.add(item);
    }
  };
  void load();
  controller.createRunProfile("Run", vscode.TestRunProfileKind.Run, async (request) => {
    const run = controller.createTestRun(request);
    const wanted = request.include ?? [...controller.items].map(([, item]) => item);
    for (const item of wanted) {
      run.started(item);
      const said = await new Promise((done) => execFile("python3", ["-m", "unittest", item.id], { cwd: folder.uri.fsPath }, (error, out, err) => done(error ? err : "")));
      const message = said.split("-".repeat(70))[1]?.trim();
      if (message === undefined) run.passed(item);
      else run.failed(item, Object.assign(new vscode.TestMessage(message), { location: new vscode.Location(uri, item.range) }));
    }
    run.end();
  }, true);
};

async function callKimi() {
  const tools = vscode.lm.tools.filter((one) => /^mcp_kimi/.test(one.name));
  const tool = tools.find((one) => one.name.endsWith("search_text"));
  if (!tool) throw new Error(`no search_text among ${vscode.lm.tools.map((one) => one.name).join(", ")}`);
  const result = await vscode.lm.invokeTool(tool.name, { input: { pattern: "def shipping" }, toolInvocationToken: undefined });
  void vscode.window.showInformationMessage(`${tools.length} tools; ${tool.name}: ${result.content.map((part) => part.value ?? "").join(" ").slice(0, 300)}`);
}
