
// A plugin, which OpenCode loads before a chat can start anything.
// Where the workspaces are; null: their files may configure OpenCode.
const workspaces = /* WORKSPACES */ null;

// OpenCode has read it when it began to listen.
delete process.env.OPENCODE_SERVER_PASSWORD;

// OpenCode's own switch for a project's configuration leaves out one reader of it: modules in a workspace, and packages that only a
// workspace names, are loaded by none.
const escaped = (text) => text.replace(/[^a-zA-Z0-9]/g, "\\$&");
const refuse = (filter) => {
  if (workspaces === null || typeof Bun === "undefined") return;
  const contents = "throw new Error('This server does not load code that a workspace brings.');";
  Bun.plugin({ name: "turnwire", setup: (build) => build.onLoad({ filter }, () => ({ contents, loader: "js" })) });
};
if (workspaces !== null) refuse(new RegExp("^" + escaped(workspaces) + "[/\\\\]"));
let packagesRefused = false;

// The providers OpenCode knows, with the packages they need.
const listed = async () => {
  try {
    const file = process.env.OPENCODE_MODELS_PATH ?? (process.env.XDG_CACHE_HOME ?? process.env.HOME + "/.cache") + "/opencode/models.json";
    return Object.values(await Bun.file(file).json());
  } catch {
    return [];
  }
};

export const TurnwireGuard = async () => ({
  config: async (config) => {
    for (const server of Object.values(config.mcp ?? {})) {
      if (server?.environment) given.set(JSON.stringify(server.command), Object.keys(server.environment));
    }
    if (packagesRefused) return;
    packagesRefused = true;
    const providers = [...Object.values(config.provider ?? {}), ...(await listed())].map((provider) => provider?.npm);
    const plugins = (config.plugin ?? []).map((plugin) => (Array.isArray(plugin) ? plugin[0] : plugin));
    const named = [...providers, ...plugins].filter((name) => typeof name === "string").map(escaped);
    const allowed = [...new Set(named), "@ai-sdk[/\\\\][^/\\\\@]+"].join("|");
    refuse(new RegExp("[/\\\\]opencode[/\\\\]packages[/\\\\](?!(?:" + allowed + ")[/\\\\@])"));
  },
  "shell.env": async (_input, output) => {
    for (const name of [...ours, ...hidden]) if (!(name in output.env)) output.env[name] = undefined;
  },
});
