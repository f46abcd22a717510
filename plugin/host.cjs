/**
 * Entry point of the plugin's process. Pulumi's run-plugin loads it as package.json's main, with the engine's
 * arguments.
 */
require("../typescript.cjs");
const { provider } = require("@pulumi/pulumi");
const { PackageProvider } = require("./provider.ts");

provider.main(new PackageProvider(), process.argv.slice(2));
