// In one file, so that what they need is loaded once a mutant; the quickest first.
import "../agent/recordFolders.test";
import "../agent/record/kills.test";
import "../agent/simulations/record.test";
import "../agent/record/recording.test";
import "../agent/record/pushes.test";
import "../agent/record/rewritten.test";
