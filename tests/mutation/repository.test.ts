// All in one file, so that each mutant loads the dependencies once; the fastest tests come first.
import "../agent/git/repository.test";
import "../agent/git/push.test";
import "../agent/git/history.test";
