// In one file, so that what they need is loaded once a mutant; the quickest first.
import "../agent/git/repository.test";
import "../agent/git/push.test";
import "../agent/git/history.test";
