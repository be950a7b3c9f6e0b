// The records of records.py, for the Node.js clients.
import fs from 'node:fs'

export const PARTITIONS = 3
export const FIRST_TIMESTAMP = 1700000000000

export function readLines(path) {
  const bytes = fs.readFileSync(path)
  const lines = []
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, at)
    lines.push(bytes.subarray(at, end))
    at = end + 1
  }
  return lines
}

export function record(number, line) {
  const key = number % 4 === 0 ? null : Buffer.from(`key-${number % 1000}`)
  const rest = number % 1000
  const value = rest === 7 ? null : rest === 8 ? Buffer.alloc(0) : line
  const headers = number % 100 === 0
    ? { line: Buffer.from(`${number}`), text: line, empty: Buffer.alloc(0) }
    : {}
  const partition = Math.floor(number / 1000) % PARTITIONS
  return { partition, key, value, headers, timestamp: FIRST_TIMESTAMP + 10 * number }
}

export function describe(partition, offset, timestamp, key, value, headers) {
  const written = data => data == null ? '~' : Buffer.from(data).toString('hex')
  const text = headers.map(([name, data]) => `${name}=${written(data)}`).join(';')
  return `${partition}\t${offset}\t${timestamp}\t${written(key)}\t${written(value)}\t${text}\n`
}

export function expect(condition, message) {
  if (!condition) {
    process.stderr.write(`NOT AS EXPECTED: ${message}\n`)
    process.exit(1)
  }
}

export function expectEqual(actual, expected, message) {
  const text = value => JSON.stringify(value, (_, v) => typeof v === 'bigint' ? v.toString() : v)
  expect(text(actual) === text(expected), `${message}: got ${text(actual)} instead of ${text(expected)}`)
}

// The calendar's clock, finer than Date.now(), which cuts off what comes after the milliseconds: what happened later than
// an event in another process would seem to have come before it.
export function nanoseconds() {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n
}

export async function waitFor(condition, what) {
  const deadline = Date.now() + 10000
  while (!await condition()) {
    expect(Date.now() < deadline, what)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

export async function refused(promise, matches, what) {
  try {
    await promise
  } catch (error) {
    expect(matches(error), `${what}: it was refused with ${error.stack}`)
    return
  }
  expect(false, `${what}: it was not refused`)
}

export async function run(commands) {
  const [command, ...parameters] = process.argv.slice(2)
  try {
    await commands[command](...parameters)
  } catch (error) {
    process.stderr.write(`${error.stack}\n`)
    for (const inner of error.errors ?? []) process.stderr.write(`caused by ${inner.stack}\n`)
    process.exit(1)
  }
  console.log('done')
  process.exit(0)
}
