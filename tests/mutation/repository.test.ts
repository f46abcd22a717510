// In one file, so that what they need is loaded once a mutant; the quickest first.
import "../agent/gitLog.test";
import "../agent/repository.test";
import "../agent/gitPush.test";
import "../agent/gitHistory.test";
