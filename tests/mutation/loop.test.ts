// In one file, so that what they need is loaded once a mutant; the quickest first.
import "../agent/rounds/retryBackoff.test";
import "../agent/approvals/heldDeletes.test";
import "../agent/recordLoop.test";
