import type { Component, ComponentKind, ComponentOf } from './component.ts';
import { Refusal } from './refusal.ts';

/** Components by id, in memory: what studies are planned with. Two components with one id are a bug of whoever collected them. */
export class ComponentLibrary {
  readonly #byId: ReadonlyMap<string, Component>;

  constructor(components: Iterable<Component>) {
    const byId = new Map<string, Component>();
    for (const component of components) {
      if (byId.has(component.id)) throw new Error(`BUG: two components have the id "${component.id}"`);
      byId.set(component.id, component);
    }
    this.#byId = byId;
  }

  /** The component of that kind and id, or a `Refusal` that names the origin and key of the id and the nearest one. */
  get<Kind extends ComponentKind>(kind: Kind, id: string, origin: string, key: string): ComponentOf<Kind> {
    const component = this.#byId.get(id);
    if (component !== undefined && isKind(component, kind)) return component;
    const candidates = [...this.#byId.values()].filter((each) => each.kind === kind).map((each) => each.id);
    throw new Refusal({ origin, key, expected: `the id of a component of kind ${kind}`, found: id, candidates });
  }
}

function isKind<Kind extends ComponentKind>(component: Component, kind: Kind): component is ComponentOf<Kind> {
  return component.kind === kind;
}
