// Before each page: the console shows what objects hold, and tells the test.
const plainLog = console.log.bind(console);
console.log = (...words: unknown[]) =>
  plainLog(words.map((each) => (typeof each === "object" ? JSON.stringify(each) : String(each))).join(" "));
const tell = (found: unknown) => plainLog("RESULT " + JSON.stringify(found));
