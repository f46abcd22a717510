// All in one file, so that each mutant loads the dependencies once; the fastest tests come first.
import "../agent/rounds/retryBackoff.test";
import "../agent/approvals/heldDeletes.test";
import "../agent/record/recordLoop.test";
