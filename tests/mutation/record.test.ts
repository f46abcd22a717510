// All in one file, so that each mutant loads the dependencies once; the fastest tests come first.
import "../agent/record/recordFolders.test";
import "../agent/record/kills.test";
import "../agent/simulations/record.test";
import "../agent/record/recording.test";
import "../agent/record/pushes.test";
import "../agent/record/rewritten.test";
