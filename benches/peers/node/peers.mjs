// The clients of Node that this project's are compared with. Each parses the JSON of every event.

import { createParser } from 'eventsource-parser'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import http from 'node:http'
import { main } from './task.mjs'

const PROMPT = JSON.stringify({ parts: [{ type: 'text', text: 'Go on.' }] })
const HEADERS = { 'content-type': 'application/json', accept: 'text/event-stream' }

/** eventsource-parser, fed by node:http. */
function onHttp(base) {
  const agent = new http.Agent({ keepAlive: true })
  const read = (load, see) => new Promise((resolve, reject) => {
    const parser = createParser({
      onEvent: (event) => {
        const { delta } = JSON.parse(event.data)
        if (delta !== undefined) see(delta)
      },
    })
    const headers = { ...HEADERS, 'content-length': Buffer.byteLength(PROMPT) }
    const request = http.request(`${base}/agent/v2/chat/${load}/respond`, { method: 'POST', agent, headers }, (response) => {
      response.setEncoding('utf8')
      response.on('data', (text) => parser.feed(text))
      response.on('end', resolve)
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end(PROMPT)
  })
  return { read }
}

/** eventsource-parser's stream, behind fetch. */
function onFetch(base) {
  const read = async (load, see) => {
    const response = await fetch(`${base}/agent/v2/chat/${load}/respond`, { method: 'POST', headers: HEADERS, body: PROMPT })
    const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
    for await (const event of events) {
      const { delta } = JSON.parse(event.data)
      if (delta !== undefined) see(delta)
    }
  }
  return { read }
}

await main({ 'esp-http': onHttp, 'esp-fetch': onFetch })
