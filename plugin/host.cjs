/** The plugin's process: Pulumi's run-plugin loads it as package.json's main; its arguments are the engine's. */
require("../typescript.cjs");
const { provider } = require("@pulumi/pulumi");
const { PackageProvider } = require("./provider.ts");

provider.main(new PackageProvider(), process.argv.slice(2));
