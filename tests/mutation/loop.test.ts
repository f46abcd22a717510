// In one file, so that what they need is loaded once a mutant; the quickest first.
import "../agent/holds.test";
import "../agent/recordLoop.test";
