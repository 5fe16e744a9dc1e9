/**
 * What a process says of what it holds, in lines of JSON with the wall clock's time: `held`, `valid` (until when, time and again), `lost`,
 * and `woken`: what its first look at the hold found after a pause of its process.
 */

/** Says something. */
export function say(event, details = {}) {
  process.stdout.write(`${JSON.stringify({ event, atMs: Date.now(), ...details })}\n`);
}

/**
 * Says all of a hold, and resolves when it is over.
 *
 * @param pauseMs a gap between two looks, in milliseconds, that is a pause of the process
 * @param onWoken is told after a pause, once that has been said
 */
export function tellOf(hold, pauseMs, onWoken = () => {}) {
  const token = String(hold.fencingToken);
  say('held', { token });
  work(hold, pauseMs, onWoken);
  return new Promise((resolve) => {
    const over = () => {
      say('lost', { token, reason: hold.signal.reason.reason });
      resolve();
    };
    if (hold.signal.aborted) over();
    else hold.signal.addEventListener('abort', over, { once: true });
  });
}

/** Looks at the hold often, as work would. */
function work(hold, pauseMs, onWoken) {
  let lastMs = Date.now();
  const look = () => {
    const pausedMs = Date.now() - lastMs;
    lastMs = Date.now();
    const validForMs = hold.validForMs();
    if (pausedMs > pauseMs) {
      say('woken', { pausedMs, validForMs, ...whatStands(hold) });
      onWoken();
    } else if (validForMs > 0) say('valid', { token: String(hold.fencingToken), untilMs: Date.now() + validForMs });
    // A pause inside of this look is for the next look to say.
    if (hold.signal.aborted && Date.now() - lastMs <= pauseMs) clearInterval(timer);
  };
  const timer = setInterval(look, 20);
  look();
}

function whatStands(hold) {
  let guard = 'given';
  try {
    hold.guard();
  } catch (error) {
    guard = error.code;
  }
  return { token: String(hold.fencingToken), aborted: hold.signal.aborted, state: hold.state, guard };
}
