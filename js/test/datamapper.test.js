import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DataMapper } from "swampdragon/datamapper";

const families = new DataMapper([
  { parent_type: "parent", child_type: "child", prop_name: "children", is_collection: true, via: "parent_id" },
  { parent_type: "child", child_type: "kitten", prop_name: "kittens", is_collection: true, via: "child_id" },
]);

/** Two parents with two children each, who have one kitten each. Ids are unique within a type only. */
const family = () =>
  [1, 2].map((id) => ({
    _type: "parent",
    id,
    children: [2 * id - 1, 2 * id].map((child) => ({
      _type: "child",
      id: child,
      parent_id: id,
      kittens: [{ _type: "kitten", id: child, name: `kitten ${child}`, child_id: child }],
    })),
  }));

const kittens = (parents) => parents.flatMap(({ children }) => children.map((child) => child.kittens.map(({ id }) => id)));

describe("created", () => {
  test("adds to the parent, however deep it is", () => {
    const source = family();
    const kitten = { _type: "kitten", id: 9, child_id: "3" };
    assert.equal(families.mapData(source, { action: "created", data: kitten }), source);
    assert.deepEqual(kittens(source), [[1], [2], [3, 9], [4]]);
  });

  test("leaves what is there already", () => {
    const source = family();
    families.mapCreated(source, { _type: "kitten", id: 1, name: "another", child_id: 2 });
    assert.deepEqual(source, family());
  });

  test("makes a collection that is not there yet", () => {
    const source = [{ _type: "parent", id: 1 }];
    families.mapCreated(source, { _type: "child", id: 1, parent_id: 1 });
    assert.deepEqual(source[0].children, [{ _type: "child", id: 1, parent_id: 1 }]);
  });

  test("adds what has no parents to the data source, or becomes it", () => {
    const source = family();
    families.mapCreated(source, { _type: "parent", id: 3 });
    assert.equal(source[2].id, 3);
    const parent = { _type: "parent", id: 3 };
    assert.equal(families.mapCreated({}, parent), parent);
    assert.deepEqual(new DataMapper().mapCreated([], { id: 1 }), [{ id: 1 }]);
  });

  test("takes nothing further down for an object without a type", () => {
    const source = [{ id: 1, author: { id: 2 } }];
    new DataMapper().mapCreated(source, { id: 2 });
    assert.deepEqual(source, [{ id: 1, author: { id: 2 } }, { id: 2 }]);
  });

  test("adds nothing whose parent is unknown", () => {
    const source = family();
    families.mapCreated(source, { _type: "kitten", id: 9, child_id: 9 });
    assert.deepEqual(source, family());
  });
});

describe("updated", () => {
  test("changes the fields it has, in place", () => {
    const source = family();
    const [kitten] = source[0].children[0].kittens;
    families.mapData(source, { action: "updated", data: { _type: "kitten", id: "1", name: "tiger", child_id: 1 } });
    assert.equal(kitten.name, "tiger");
    assert.deepEqual(kittens(source).flat().length, 4);
  });

  test("moves an object to its new parent, with the fields that the message lacks", () => {
    const source = family();
    const [kitten] = source[0].children[0].kittens;
    families.mapUpdated(source, { _type: "kitten", id: 1, child_id: 4 });
    assert.deepEqual(kittens(source), [[], [2], [3], [4, 1]]);
    assert.equal(source[1].children[1].kittens[1], kitten);
    assert.equal(kitten.name, "kitten 1");
  });

  test("moves the page's own object when it is the message", () => {
    const source = family();
    const [kitten] = source[0].children[0].kittens;
    kitten.child_id = 3;
    families.mapUpdated(source, kitten);
    assert.deepEqual(kittens(source), [[], [2], [3, 1], [4]]);
  });

  test("without the parent's id leaves an object where it is", () => {
    const source = family();
    families.mapUpdated(source, { _type: "kitten", id: 1, name: "tiger" });
    assert.deepEqual(kittens(source), [[1], [2], [3], [4]]);
  });

  test("adds what is not there yet", () => {
    const source = family();
    families.mapUpdated(source, { _type: "kitten", id: 9, child_id: 1 });
    families.mapUpdated(source, { _type: "parent", id: 3 });
    assert.deepEqual([kittens(source.slice(0, 2)), source[2]], [[[1, 9], [2], [3], [4]], { _type: "parent", id: 3 }]);
  });

  test("does not change what objects inherit from", () => {
    const source = family();
    families.mapUpdated(source, JSON.parse('{"_type":"parent","id":1,"__proto__":{"polluted":true}}'));
    assert.equal(source[0].polluted, undefined);
  });
});

describe("deleted", () => {
  test("removes an object of that type only", () => {
    const source = family();
    assert.equal(families.mapData(source, { action: "deleted", data: { _type: "kitten", id: 1 } }), source);
    assert.deepEqual(kittens(source), [[], [2], [3], [4]]);
    // There is a parent of the same id.
    families.mapDelete(source, { _type: "kitten", id: 1 });
    assert.equal(source.length, 2);
  });

  test("removes every one of several in a row", () => {
    const source = [1, 1, 2].map((id) => ({ id }));
    families.mapDelete(source, { id: 1 });
    assert.deepEqual(source, [{ id: 2 }]);
  });

  test("of the data source itself leaves null", () => {
    assert.equal(families.mapDelete({ _type: "parent", id: 1 }, { _type: "parent", id: "1" }), null);
    const other = { _type: "parent", id: 2 };
    assert.equal(families.mapDelete(other, { _type: "parent", id: 1 }), other);
  });
});

describe("one to one", () => {
  const mapper = new DataMapper([{ parent_type: "foo", child_type: "bar", prop_name: "bar", via: "foo_id" }]);
  const foo = () => ({ _type: "foo", id: 1, bar: { _type: "bar", id: 1, name: "old", foo_id: 1 } });

  test("is created, updated, moved and deleted", () => {
    const source = { _type: "foo", id: 1, bar: null };
    assert.equal(mapper.mapCreated(source, { _type: "bar", id: 9, foo_id: 1 }), source);
    assert.equal(source.bar.id, 9);

    const [from, to] = [foo(), { _type: "foo", id: 2, bar: null }];
    mapper.mapUpdated([from, to], { _type: "bar", id: 1, name: "new", foo_id: 2 });
    assert.deepEqual([from.bar, to.bar], [null, { _type: "bar", id: 1, name: "new", foo_id: 2 }]);

    const shown = to.bar;
    mapper.mapUpdated([from, to], { _type: "bar", id: 1, name: "newer", foo_id: 2 });
    assert.equal(to.bar, shown);
    assert.equal(shown.name, "newer");

    const last = foo();
    mapper.mapDelete(last, { _type: "bar", id: 1 });
    assert.equal(last.bar, null);
  });
});

describe("many to many", () => {
  const mapper = new DataMapper([
    { parent_type: "staff", child_type: "document", prop_name: "documents", is_collection: true, via: "staff_id" },
  ]);
  const staff = () =>
    [1, 2, 3].map((id) => ({
      _type: "staff",
      id,
      documents: [{ _type: "document", id: 1, text: "old", staff_id: [1, 2, 3] }],
    }));

  test("reaches all parents", () => {
    const source = staff();
    mapper.mapUpdated(source, { _type: "document", id: 1, text: "new", staff_id: [1, 2, 3] });
    assert.deepEqual(source.map(({ documents }) => documents.map(({ text }) => text)), [["new"], ["new"], ["new"]]);
    mapper.mapCreated(source, { _type: "document", id: 2, staff_id: ["1", 2] });
    assert.deepEqual(source.map(({ documents }) => documents.length), [2, 2, 1]);
    mapper.mapUpdated(source, { _type: "document", id: 1, staff_id: [3] });
    assert.deepEqual(source.map(({ documents }) => documents.length), [1, 1, 1]);
    mapper.mapDelete(source, { _type: "document", id: 1 });
    assert.deepEqual(source.map(({ documents }) => documents.length), [1, 1, 0]);
  });
});

describe("data of other shapes", () => {
  test("may refer back to its parents, and nest a type in itself", () => {
    const mapper = new DataMapper([
      { parent_type: "comment", child_type: "comment", prop_name: "replies", is_collection: true, via: "comment_id" },
    ]);
    const inner = { _type: "comment", id: 2, replies: [] };
    const source = [{ _type: "comment", id: 1, replies: [inner] }];
    inner.parent = source[0];
    mapper.mapCreated(source, { _type: "comment", id: 3, comment_id: 2 });
    assert.equal(inner.replies[0].id, 3);
  });

  test("a child of two kinds of parents reaches both", () => {
    const mapper = new DataMapper([
      { parent_type: "company", child_type: "person", prop_name: "staff", is_collection: true, via: "company_id" },
      { parent_type: "document", child_type: "person", prop_name: "author", via: "document_id" },
    ]);
    const source = [{ _type: "company", id: 1, staff: [] }, { _type: "document", id: 1, author: null }];
    mapper.mapCreated(source, { _type: "person", id: 1, company_id: 1, document_id: 1 });
    assert.equal(source[0].staff[0].id, 1);
    assert.equal(source[1].author.id, 1);
  });

  test("actions of an application's own change nothing", () => {
    const source = family();
    assert.equal(families.mapData(source, { action: "applauded", data: null }), source);
  });

  test("what cannot be meant throws a TypeError", () => {
    assert.throws(() => new DataMapper({}), { name: "TypeError", message: /must be an array/ });
    assert.throws(() => new DataMapper([{ parent_type: "a" }]), { name: "TypeError", message: /string child_type/ });
    assert.throws(() => families.mapData([], null), { name: "TypeError", message: /message must be an object/ });
    assert.throws(() => families.mapUpdated([], 5), { name: "TypeError", message: /data must be an object/ });
  });
});
