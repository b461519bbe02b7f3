#!/bin/sh
# Takes the public data files over from npm's packages (`npm ci` first) and cuts away what Mayfly does not use:
# device parsers (brand and model are not kept) and the bots' examples. Says what changed in SOURCES.md by hand.
set -eu
cd "$(dirname "$0")"
node --input-type=module - <<'JS'
import fs from 'node:fs'
const from = '../node_modules/'
const parsers = {}
let list
const unquote = (text) => text.trim().replace(/^'(.*)'$/, (_, inner) => inner.replaceAll("''", "'"))
for (const line of fs.readFileSync(from + 'uap-core/regexes.yaml', 'utf8').split('\n')) {
  if (/^\s*(#|$)/.test(line)) continue
  const head = /^(\w+):\s*$/.exec(line)
  const field = /^ {2}(- | {2})(\w+): *(.*)$/.exec(line)
  if (head) parsers[head[1]] = list = []
  else if (field) {
    if (field[1] === '- ') list.push({})
    list.at(-1)[field[2]] = unquote(field[3])
  } else throw new Error('not understood: ' + line)
}
const lines = (list) => '[\n' + list.map((one) => JSON.stringify(one)).join(',\n') + '\n]'
fs.writeFileSync('browsers.json', `{"user_agent_parsers":${lines(parsers.user_agent_parsers)},\n"os_parsers":${lines(parsers.os_parsers)}}\n`)
const bots = JSON.parse(fs.readFileSync(from + 'crawler-user-agents/crawler-user-agents.json', 'utf8'))
fs.writeFileSync('bots.txt', bots.map((bot) => bot.pattern).join('\n') + '\n')
for (const name of ['uap-core', 'crawler-user-agents'])
  console.log(name, JSON.parse(fs.readFileSync(`${from}${name}/package.json`, 'utf8')).version)
JS
