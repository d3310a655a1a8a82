// The self-test: is everything of wa-js there that we call, and does it answer?
//
// Nothing here writes, sends or asks the network. What is missing at first gets `limitMs` to appear.
async ({ functions, spare, values, readings, limitMs }) => {
  const STEP_MS = 100;
  const sleep = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value));

  function found(path) {
    try {
      return path.split('.').reduce((owner, name) => owner?.[name], window.WPP);
    } catch {
      return undefined;
    }
  }

  const isNone = (path) => typeof found(path) !== 'function';
  const lacking = () => [
    ...functions.filter(isNone),
    ...values.filter((path) => found(path) === undefined),
  ];

  const isA = (wanted, value) =>
    wanted === 'array' ? Array.isArray(value) : value !== null && typeof value === wanted;

  async function answers({ function: path, arguments: given, answer }) {
    const names = path.split('.');
    const name = names.pop();
    try {
      const call = found(names.join('.'))[name](...given);
      return isA(answer, await Promise.race([call, sleep(limitMs, null)]));
    } catch {
      return false;
    }
  }

  const until = Date.now() + limitMs;
  let missing = lacking();
  while (missing.length && Date.now() < until) {
    await sleep(STEP_MS);
    missing = lacking();
  }
  const asked = readings.filter((reading) => !missing.includes(reading.function));
  const well = await Promise.all(asked.map(answers));
  const silent = asked.filter((_, index) => !well[index]).map((reading) => reading.function);
  return { missing: [...missing, ...spare.filter(isNone)], silent };
}
