
// OpenCode's runtime loads this before anything of OpenCode (BUN_INSPECT_PRELOAD). Only now, closed to others, the process gets what no
// environment shows: the password of its API, its configuration, the keys of model providers.
// Nothing comes where a script around OpenCode keeps its input; the server then finds no answer, and starts it in another way.
{
  const fs = require("node:fs");
  const handed = fs.readFileSync(0, "utf8");
  if (handed) {
    Object.assign(process.env, JSON.parse(handed));
    try {
      fs.writeSync(0, "+");
    } catch {}
  }
}
