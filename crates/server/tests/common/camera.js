// A server of the Model Context Protocol on standard input and output, with one tool, which returns a picture.
const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "camera", version: "1" },
  }),
  "tools/list": () => ({
    tools: [{ name: "snap", description: "Takes a picture", inputSchema: { type: "object", properties: {} } }],
  }),
  "tools/call": () => ({
    content: [
      { type: "text", text: "Here it is." },
      { type: "image", mimeType: "image/png", data: process.argv[2] },
    ],
  }),
};

require("node:readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, method, params } = JSON.parse(line);
    // What has no id wants no answer.
    if (id === undefined) return;
    const answer = answers[method];
    const said = answer ? { result: answer(params) } : { error: { code: -32601, message: method } };
    process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, ...said }) + "\n");
  });
