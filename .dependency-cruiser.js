/** Folders in their order: each imports only itself and those before it. A new folder takes its place here. */
const ORDER = {
  fleet: [
    "cli",
    "terminal",
    "engine",
    "stacks",
    "recovery",
    "local",
    "rollout",
    "github",
    "report",
    "markdown",
    "checks",
    "image",
    "rehearsal",
    "drill",
    "moveIn",
    "prove",
    "ready",
    "doctor",
    "init",
    "upgrade",
    "verbs",
    "reference",
  ],
  sandbox: ["resources", "schema", "providers", "cloud", "api", "live"],
};

const inOrder = Object.entries(ORDER).flatMap(([root, folders]) =>
  folders.map((folder, index) => ({
    name: `${root}-${folder}-in-order`,
    comment: "It imports a folder that comes after it, in `ORDER` of .dependency-cruiser.js, or is not in it.",
    severity: "error",
    from: { path: `^${root}/${folder}/` },
    to: { path: `^${root}/[^/]+/`, pathNot: `^${root}/(${folders.slice(0, index + 1).join("|")})/` },
  })),
);

/** The layers: the program knows nothing of the tools around it, and nothing goes in circles. */
module.exports = {
  forbidden: [
    ...inOrder,
    {
      name: "no-cycles-of-folders",
      comment: "Folders of any depth: `ORDER` does not hold those within a folder, nor those of the agent.",
      severity: "error",
      scope: "folder",
      from: { path: "^(agent|fleet|formats|sandbox)/" },
      to: { circular: true },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { pathNot: "^fleet/verbs/" } },
    },
    {
      name: "no-cycles-of-verbs",
      comment:
        "A verb's file loads its handler, which knows the verb's options: by their type, which is gone at runtime.",
      severity: "error",
      from: { path: "^fleet/verbs/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "runs-without-development",
      comment: "CI's jobs install what production needs alone (npm ci --omit=dev).",
      severity: "error",
      from: {
        path: "^(index\\.ts|components|stacks|config|model|observability|formats|agent|fleet|sandbox|invariants|plugin)",
        pathNot: "^(sandbox/schema/(declarations|generate|scan)\\.ts|invariants/pack/)",
      },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "program-apart",
      comment: "What the official CLI loads must not need the fleet CLI, the local fleet, or the invariants.",
      severity: "error",
      from: { path: "^(index\\.ts|library/index\\.ts|components|stacks|config|model|observability)" },
      to: { path: "^(fleet|sandbox|invariants|tests|bench|costs|plugin|release)/" },
    },
    {
      name: "model-is-pure",
      comment: "Rules and arithmetic depend on nothing above them.",
      severity: "error",
      from: { path: "^model/" },
      to: { path: "^(components|stacks|config|observability)/" },
    },
    {
      name: "sandbox-apart",
      comment: "A stand-in that knew the program could be what makes it work.",
      severity: "error",
      from: { path: "^sandbox/" },
      to: { path: "^(index\\.ts|components|stacks|config|observability|fleet|invariants)" },
    },
    {
      name: "formats-are-pure",
      comment: "What the agent and the rest of the repository share depends on neither.",
      severity: "error",
      from: { path: "^formats/" },
      to: { pathNot: "^(formats/|node_modules/|[a-z0-9:/_]+$)" },
    },
    {
      name: "agent-apart",
      comment: "The agent is a program of its own image: it imports nothing of the repository except the formats.",
      severity: "error",
      from: { path: "^agent/" },
      to: { pathNot: "^(agent/|formats/|node_modules/|[a-z0-9:/_]+$)" },
    },
    {
      name: "program-without-agent",
      comment: "The program, the fleet CLI and the sandbox share the formats with the agent, and import nothing of it.",
      severity: "error",
      from: {
        path: "^(index\\.ts|components|stacks|config|model|observability|fleet|sandbox|invariants)",
        pathNot: "^fleet/(moveIn|upgrade)/",
      },
      to: { path: "^agent/" },
    },
    {
      name: "agents-work-on-a-database",
      comment:
        "To move in and to rehearse an upgrade, the fleet CLI runs the agent's import, restore and adoption of a database itself.",
      severity: "error",
      from: { path: "^fleet/(moveIn|upgrade)/" },
      to: { path: "^agent/", pathNot: "^agent/(adopt|backup|moveIn|postgres)/" },
    },
    {
      name: "subjects-apart",
      comment: "What moving in and upgrading share is a room of its own.",
      severity: "error",
      from: { path: "^fleet/(rehearsal|upgrade)/" },
      to: { path: "^fleet/moveIn/" },
    },
    {
      name: "tests-are-leaves",
      severity: "error",
      from: { pathNot: "^tests/" },
      to: { path: "^tests/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(out|coverage|\\.fleet)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
  },
};
