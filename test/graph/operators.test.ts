/** Every graph against the definitions of its operators (operators.json), by the rules of ONNX's checker. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ModelProto, NodeProto } from '../../src/graph/onnx.ts';
import { temporaryFolder } from './agree.ts';
import { everyPart } from './every-part.ts';
import { decodeGraph } from './lower.ts';
import { TARGETS } from './targets.ts';

interface Operator {
  /** Least and most. */
  readonly inputs: readonly [number, number];
  readonly outputs: readonly [number, number];
  /** Kinds of attributes; required ones end with "!". */
  readonly attributes: Readonly<Record<string, string>>;
}

const OPERATORS: Readonly<Record<string, Operator>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'operators.json'), 'utf8'),
);
/** By AttributeProto.AttributeType. */
const KINDS: Readonly<Record<number, string>> = { 1: 'float', 2: 'int', 3: 'string', 7: 'ints' };
test('every graph of every target consists of operators as ONNX and onnxruntime define them', async (t) => {
  const folder = await temporaryFolder(t);
  const faults: string[] = [];
  const used = new Set<string>();
  let count = 0;
  for await (const { name, build } of everyPart(folder)) {
    for (const [target, how] of Object.entries(TARGETS)) {
      const model = decodeGraph(build(how));
      count++;
      for (const { domain = '', opType } of model.graph.node) used.add(`${domain}::${opType}`);
      faults.push(...faultsOf(model).map((fault) => `${name}, ${target}: ${fault}`));
    }
  }
  assert.deepEqual(faults.slice(0, 5), []);
  assert.ok(count > 200, `${count} graphs`);
  assert.deepEqual([...used].sort(), Object.keys(OPERATORS).sort(), 'operators.json names what is used');
});

test('a graph with faults is found faulty', () => {
  const node = (change: Partial<NodeProto>): NodeProto => ({
    ...{ input: ['x'], output: ['y'], name: 'one', opType: 'Tanh', domain: '', attribute: [] },
    ...change,
  });
  const tensorType = { elemType: 1, shape: { dim: [] } };
  const model = (...nodes: NodeProto[]): ModelProto => ({
    ...{ irVersion: 9, producerName: 'test', opsetImport: [{ domain: '', version: 20 }] },
    graph: {
      ...{ name: 'graph', initializer: [], node: nodes },
      input: [{ name: 'x', type: { tensorType } }],
      output: [{ name: 'y', type: { tensorType } }],
    },
  });
  const whole = { name: 'axis', type: 2, i: 1 };
  const rows: [ModelProto, RegExp][] = [
    [model(node({ opType: 'Tanhh' })), /no operator/],
    [model(node({ domain: 'com.microsoft' })), /opset/],
    [model(node({ input: ['x', 'x'] })), /takes 1 to 1 inputs/],
    [model(node({ attribute: [whole] })), /has no attribute axis/],
    [model(node({ opType: 'Cast' })), /needs its attribute to/],
    [model(node({ opType: 'Softmax', attribute: [{ ...whole, type: 1 }] })), /axis is a float/],
    [model(node({ input: ['z'] })), /z is not known/],
    [model(node({}), node({})), /y is made twice/],
    [model(node({ output: ['w'] })), /y is not made/],
  ];
  assert.deepEqual(faultsOf(model(node({}))), []);
  for (const [one, expected] of rows) assert.match(faultsOf(one).join(), expected);
});

function faultsOf({ graph, opsetImport }: ModelProto): string[] {
  const faults: string[] = [];
  const domains = new Set(opsetImport.map(({ domain = '' }) => domain));
  const known = new Set<string>();
  const make = (name: string) => {
    if (known.has(name)) faults.push(`${name} is made twice`);
    known.add(name);
  };
  for (const { name } of [...graph.input, ...graph.initializer]) make(name);
  for (const node of graph.node) {
    const { opType, domain = '', input, output } = node;
    if (!domains.has(domain)) faults.push(`${opType}: no opset of ${domain} is imported`);
    faults.push(...misuse(node).map((fault) => `${opType} ${fault}`));
    for (const name of input)
      if (name !== '' && !known.has(name)) faults.push(`${opType}: ${name} is not known`);
    for (const name of output) if (name !== '') make(name);
  }
  for (const { name } of graph.output) if (!known.has(name)) faults.push(`${name} is not made`);
  return faults;
}

function misuse({ opType, domain = '', input, output, attribute }: NodeProto): string[] {
  const operator = OPERATORS[`${domain}::${opType}`];
  if (operator === undefined) return [`is no operator of ${domain || 'ONNX'}`];
  const faults: string[] = [];
  const within = (what: string, { length }: { length: number }, [least, most]: readonly [number, number]) => {
    if (length < least || length > most) faults.push(`takes ${least} to ${most} ${what}, not ${length}`);
  };
  within('inputs', input, operator.inputs);
  within('outputs', output, operator.outputs);
  for (const { name, type } of attribute) {
    const kind = operator.attributes[name]?.replace('!', '');
    if (kind === undefined) faults.push(`has no attribute ${name}`);
    else if (KINDS[type] !== kind) faults.push(`: ${name} is a ${KINDS[type]}, not a ${kind}`);
  }
  for (const [name, kind] of Object.entries(operator.attributes)) {
    if (kind.endsWith('!') && !attribute.some((one) => one.name === name))
      faults.push(`needs its attribute ${name}`);
  }
  return faults;
}
