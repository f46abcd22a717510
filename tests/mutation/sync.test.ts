// In one file, so that what they import is loaded once a mutant, and the quickest first.
import "../agent/merge.test";
import "../agent/settle.test";
import "../agent/edits.test";
import "../agent/holds.test";
import "../agent/trouble.test";
import "../agent/corners.test";
import "../agent/convergence.test";
