// In one file, so that what they need is loaded once a mutant; the quickest first.
import "../agent/loop.test";
import "../agent/folders.test";
import "../agent/workspaces.test";
