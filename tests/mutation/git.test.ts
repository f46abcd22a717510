// All in one file, so that each mutant loads the dependencies once; the fastest tests come first.
import "../agent/git/gitAnswers.test";
import "../agent/git/git.test";
import "../agent/git/push.test";
import "../agent/git/blobs.test";
