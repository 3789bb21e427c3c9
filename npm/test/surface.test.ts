import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Turnwire } from 'turnwire'
import * as ts from 'typescript'
import { ROOT } from './support/server.js'

interface Operation {
  name: string
  positional: string[]
  named: string[]
}

interface Surface {
  operations: Operation[]
  options: string[]
  timeout: string[]
  turnStreamArguments: Record<string, string[]>
}

const surface = JSON.parse(readFileSync(join(ROOT, 'tests/conformance/surface.json'), 'utf8')) as Surface
/** What Node alone has. */
const OPTIONS = [...surface.options, 'signal']

/** The declarations as a user's compiler reads them. */
const declarations = join(ROOT, 'npm/dist/index.d.ts')
const program = ts.createProgram([declarations], { module: ts.ModuleKind.NodeNext, strict: true, types: ['node'] })
const checker = program.getTypeChecker()
const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(declarations)!)!)

function typeNamed(name: string): ts.Type {
  const found = exported.find((symbol) => symbol.name === name)
  assert.ok(found, `nothing is exported as ${name}`)
  return checker.getDeclaredTypeOfSymbol(found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found)
}

const typeOf = (symbol: ts.Symbol) => checker.getNonNullableType(checker.getTypeOfSymbol(symbol))

/** The type at a path of members. */
function member(type: ts.Type, path: string): ts.Type {
  return path.split('.').reduce((at, name) => {
    const found = at.getProperty(name)
    assert.ok(found, `${path} is not declared`)
    return typeOf(found)
  }, type)
}

function parametersOf(method: ts.Type): ts.Symbol[] {
  const [signature, ...others] = method.getCallSignatures()
  assert.ok(signature && others.length === 0, 'one form')
  return [...signature.parameters]
}

/** The names of what an object holds, also where a string may stand for it. */
function fieldsOf(type: ts.Type): string[] {
  const forms = type.isUnion() ? type.types : [type]
  const objects = forms.filter(({ flags }) => flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection))
  return objects.flatMap((form) => form.getProperties().map(({ name }) => name))
}

const chat = member(typeNamed('Turnwire'), 'chat')
const sorted = (names: Iterable<string>) => [...names].sort()

for (const { name, positional, named } of surface.operations) {
  test(`${name} is declared with its arguments and options`, () => {
    const parameters = parametersOf(member(chat, name))
    const options = parameters.pop()
    assert.equal(options?.name, 'options')
    assert.deepEqual(sorted(fieldsOf(typeOf(options))), sorted(OPTIONS))
    assert.deepEqual(parameters.slice(0, positional.length).map((parameter) => parameter.name), positional)
    const beside = parameters.slice(positional.length).map((parameter) => parameter.name)
    assert.ok(beside.length === 0 || (beside.length === 1 && beside[0] === 'params'), String(beside))
    // A prompt is an argument by itself, or a field of the object that stands in its place.
    const fields = parameters.flatMap((parameter) => fieldsOf(typeOf(parameter)))
    assert.deepEqual(sorted(fields.filter((field) => !positional.includes(field))), sorted(named))
  })

  test(`${name} takes these arguments and options, and names them where it is given others`, async () => {
    const client = new Turnwire({ baseURL: 'http://127.0.0.1:1', apiKey: 'tw_key', maxRetries: 0 })
    const steps = name.split('.')
    const method = steps.pop()!
    const group = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], client.chat)
    const call = (...args: unknown[]) => (group as Record<string, (...args: unknown[]) => unknown>)[method]!(...args)
    const stray = { 'no such name': 1 }
    const takes = async (...args: unknown[]) => {
      const error = await (async () => call(...args))().then(() => 'taken', (error: unknown) => error)
      assert.ok(error instanceof TypeError, String(error))
      return sorted(/takes no "no such name", only (.*)\.$/.exec(error.message)?.[1]?.split(', ') ?? [error.message])
    }
    const ids = positional.map((argument) => (argument === 'prompt' ? 'Hi' : 'id_1'))
    // An object that stands in the place of the prompt, or follows the ids.
    const instead = positional.includes('prompt')
    if (instead) assert.deepEqual(await takes('id_1', stray), sorted([...named, 'prompt']))
    else if (named.length > 0) assert.deepEqual(await takes(...ids, stray), sorted(named))
    const params = instead || named.length === 0 ? [] : [needed(named)]
    assert.deepEqual(await takes(...ids, ...params, stray), sorted(OPTIONS))
  })
}

/** Arguments an operation cannot do without, so that what is wrong is the options. */
function needed(named: string[]): Record<string, unknown> {
  const right = { id: 'id_1', content: 'x', reply: 'once', answers: [['x']] }
  return Object.fromEntries(Object.entries(right).filter(([argument]) => named.includes(argument)))
}

test('clocks and the methods of a stream are declared with their names', () => {
  assert.deepEqual(sorted(fieldsOf(typeNamed('Timeout'))), sorted(surface.timeout))
  const stream = typeNamed('TurnStream')
  for (const [method, names] of Object.entries(surface.turnStreamArguments)) {
    assert.deepEqual(parametersOf(member(stream, method)).map(({ name }) => name), names, method)
  }
})
