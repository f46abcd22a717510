// In one file, so that what they need is loaded once a mutant; the quickest first.
import "../agent/holds.test";
import "../agent/merge.test";
import "../agent/settle.test";
import "../agent/edits.test";
import "../agent/conflictRules.test";
