// Written by turnwire at each start of OpenCode, at the head of what it loads before anything else (preload.js) and of a plugin
// (guard.js): what the server hands to OpenCode is handed on to nothing that OpenCode starts, and shown to no other process.
const hidden = /* HIDDEN */ [];
const ours = ["OPENCODE_SERVER_PASSWORD", "OPENCODE_CONFIG_CONTENT", "BUN_INSPECT_PRELOAD"];
delete process.env.BUN_INSPECT_PRELOAD;

// Programs, by their command lines, that the configuration itself gives variables to.
const given = (globalThis[Symbol.for("turnwire.given")] ??= close());

function close() {
  const given = new Map();
  // Where the kernel can, the environment, the open files and the memory of this process are closed to other processes of its user.
  if (process.platform === "linux") {
    try {
      const { dlopen } = require("bun:ffi");
      const prctl = { args: ["int", "u64", "u64", "u64", "u64"], returns: "int" };
      for (const library of ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"]) {
        try {
          dlopen(library, { prctl }).symbols.prctl(4 /* PR_SET_DUMPABLE */, 0, 0, 0, 0);
          break;
        } catch {}
      }
    } catch {}
  }
  if (typeof Bun === "undefined") return given;
  const bare = (environment, command) => {
    const kept = given.get(JSON.stringify(command)) ?? [];
    // A value that somebody set for this one program is no business of ours.
    const goes = ([name, value]) =>
      !ours.includes(name) && (!hidden.includes(name) || kept.includes(name) || value !== process.env[name]);
    return Object.fromEntries(Object.entries(environment).filter(goes));
  };
  // All of Node's functions that start a program end in these.
  for (const name of ["spawn", "spawnSync"]) {
    const start = Bun[name];
    Bun[name] = (...args) => {
      const at = Array.isArray(args[0]) ? 1 : 0;
      const command = at === 1 ? args[0] : args[0]?.cmd;
      args[at] = { ...args[at], env: bare(args[at]?.env ?? process.env, command) };
      return start.apply(Bun, args);
    };
  }
  Bun.$.env(bare(process.env));
  return given;
}
