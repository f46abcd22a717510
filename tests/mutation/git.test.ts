// In one file, so that what they need is loaded once a mutant; the quickest first.
import "../agent/gitAnswers.test";
import "../agent/git.test";
import "../agent/git/push.test";
import "../agent/git/blobs.test";
