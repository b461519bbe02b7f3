// Many small inputs as one file, so that a corpus is not thousands of files: each after its length in four bytes.
//
//   node fuzz/pack.mjs unpack FILE FOLDER
//   node fuzz/pack.mjs pack FILE FOLDER SEEDS    what FOLDER has beyond SEEDS, the shortest first, up to 150,000 bytes
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const BYTES_MAX = 150_000
const [, , act, file, folder, seeds] = process.argv

if (act === 'unpack') {
  mkdirSync(folder, { recursive: true })
  const pack = readFileSync(file)
  for (let at = 0, n = 0; at < pack.length; n++) {
    const from = at + 4
    at = from + pack.readUInt32LE(at)
    writeFileSync(join(folder, `kept-${n}`), pack.subarray(from, at))
  }
} else if (act === 'pack') {
  const known = new Set(readdirSync(seeds))
  const names = readdirSync(folder).filter((name) => !known.has(name))
  const inputs = names.map((name) => readFileSync(join(folder, name)))
  inputs.sort((a, b) => a.length - b.length || Buffer.compare(a, b))
  let left = BYTES_MAX
  const kept = inputs.filter((one) => (left -= one.length + 4) >= 0)
  const length = (one) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(one.length)
    return bytes
  }
  writeFileSync(file, Buffer.concat(kept.flatMap((one) => [length(one), one])))
} else {
  console.error('pack.mjs: pack or unpack')
  process.exit(2)
}
