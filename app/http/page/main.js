// Wires the parts of the page together, and holds nothing itself.

import { whenKeyIsNeeded } from "./api.js";
import { refreshJobs, setUpBooks, showReaders } from "./books.js";
import { sayCloningIsUnavailable, setUpCloning } from "./clone.js";
import { setUpKeeping } from "./keep.js";
import { askForKey } from "./key.js";
import { setUpListening, showRecognizer } from "./listen.js";
import { watchServer } from "./server.js";
import { setUpSpeaking, showTimes } from "./speak.js";
import { refreshVoices, setUpVoices } from "./voices.js";

whenKeyIsNeeded(askForKey);
setUpSpeaking();
setUpKeeping();
setUpVoices(showReaders);
setUpBooks();
setUpListening();
setUpCloning((voice) => refreshVoices(voice.id));
await watchServer((state) => {
  if (state.engine === "embedded") sayCloningIsUnavailable();
  showRecognizer(state);
  showTimes(state);
  refreshVoices();
  refreshJobs();
});
