// In one file, so that what they need is loaded once a mutant; the quickest first.
import "../agent/gitAnswers.test";
import "../agent/git.test";
import "../agent/gitPush.test";
import "../agent/gitBlobs.test";
