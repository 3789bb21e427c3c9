// Written by turnwire at each start of OpenCode, which loads it as a plugin before a chat can start anything: what the server hands
// to OpenCode is not handed on to what the agent starts.
const hidden = /* HIDDEN */ [];
// Where the workspaces are; null: their files may configure OpenCode.
const workspaces = /* WORKSPACES */ null;

// OpenCode has read it when it began to listen. From here on no child process inherits it.
delete process.env.OPENCODE_SERVER_PASSWORD;
delete process.env.BUN_INSPECT_PRELOAD;

// Where the kernel can, and where it was not done at its start (preload.js), the environment and the memory of this process are closed to other processes of the same user.
if (process.platform === "linux") {
  try {
    const { dlopen } = await import("bun:ffi");
    const prctl = { args: ["int", "u64", "u64", "u64", "u64"], returns: "int" };
    for (const library of ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"]) {
      try {
        dlopen(library, { prctl }).symbols.prctl(4 /* PR_SET_DUMPABLE */, 0, 0, 0, 0);
        break;
      } catch {}
    }
  } catch {}
}

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
    if (packagesRefused) return;
    packagesRefused = true;
    const providers = [...Object.values(config.provider ?? {}), ...(await listed())].map((provider) => provider?.npm);
    const plugins = (config.plugin ?? []).map((plugin) => (Array.isArray(plugin) ? plugin[0] : plugin));
    const named = [...providers, ...plugins].filter((name) => typeof name === "string").map(escaped);
    const allowed = [...new Set(named), "@ai-sdk[/\\\\][^/\\\\@]+"].join("|");
    refuse(new RegExp("[/\\\\]opencode[/\\\\]packages[/\\\\](?!(?:" + allowed + ")[/\\\\@])"));
  },
  "shell.env": async (_input, output) => {
    for (const name of hidden) if (!(name in output.env)) output.env[name] = undefined;
  },
});
