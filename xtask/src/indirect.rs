//! Functions that stand in the WebAssembly's table, where no call can find them.
//!
//! js-sys has many methods that take a closure. For each, wasm-bindgen reads at build time how the closure is called,
//! and what it has read from stays in the table, which every later tool takes for use.

use anyhow::{Result, bail};
use walrus::ir::{CallIndirect, ReturnCallIndirect, Value, Visitor, dfs_in_order};
use walrus::{ConstExpr, ElementItems, ElementKind, FunctionId, Module, TableId, TypeId, ValType};

/// Parameters and results. A call by another type than the function's own is a trap, as is one of an empty place.
type Signature = (Vec<ValType>, Vec<ValType>);

/// Empties the places of a table that no call can find by its type, and leaves out what only they refer to.
pub(crate) fn leave_out_uncalled(wasm: &[u8]) -> Result<Vec<u8>> {
    // What stands in a place that is called may itself call by further types.
    let mut called = Vec::new();
    loop {
        let mut module = Module::from_buffer(wasm)?;
        keep_in_tables(&mut module, &called)?;
        walrus::passes::gc::run(&mut module);
        let before = called.len();
        for signature in signatures_called(&module) {
            if !called.contains(&signature) {
                called.push(signature);
            }
        }
        if called.len() == before {
            return Ok(module.emit_wasm());
        }
    }
}

fn keep_in_tables(module: &mut Module, called: &[Signature]) -> Result<()> {
    let segments: Vec<_> = module.elements.iter().map(walrus::Element::id).collect();
    for segment in segments {
        let element = module.elements.get(segment);
        let (ElementKind::Active { table, offset }, ElementItems::Functions(functions)) =
            (element.kind.clone(), &element.items)
        else {
            bail!("the WebAssembly fills a table in another way than xtask/src/indirect.rs knows");
        };
        let ConstExpr::Value(Value::I32(offset)) = offset else { bail!("a table is not filled from a fixed place") };
        let kept: Vec<(i32, FunctionId)> = (offset..)
            .zip(functions.iter().copied())
            .filter(|(_, function)| called.contains(&signature(module, module.funcs.get(*function).ty())))
            .collect();
        module.elements.delete(segment);
        module.tables.get_mut(table).elem_segments.remove(&segment);
        for neighbours in kept.chunk_by(|(place, _), (next, _)| place + 1 == *next) {
            fill(module, table, neighbours);
        }
    }
    Ok(())
}

fn fill(module: &mut Module, table: TableId, neighbours: &[(i32, FunctionId)]) {
    let Some((first, _)) = neighbours.first() else { return };
    let offset = ConstExpr::Value(Value::I32(*first));
    let functions = neighbours.iter().map(|(_, function)| *function).collect();
    let segment = module.elements.add(ElementKind::Active { table, offset }, ElementItems::Functions(functions));
    module.tables.get_mut(table).elem_segments.insert(segment);
}

fn signatures_called(module: &Module) -> Vec<Signature> {
    let mut calls = IndirectCalls::default();
    for (_, function) in module.funcs.iter_local() {
        dfs_in_order(&mut calls, function, function.entry_block());
    }
    calls.0.into_iter().map(|called| signature(module, called)).collect()
}

fn signature(module: &Module, function: TypeId) -> Signature {
    let (parameters, results) = module.types.params_results(function);
    (parameters.to_vec(), results.to_vec())
}

#[derive(Default)]
struct IndirectCalls(Vec<TypeId>);

impl<'instr> Visitor<'instr> for IndirectCalls {
    fn visit_call_indirect(&mut self, call: &CallIndirect) {
        self.0.push(call.ty);
    }

    fn visit_return_call_indirect(&mut self, call: &ReturnCallIndirect) {
        self.0.push(call.ty);
    }
}

#[cfg(test)]
mod tests {
    use walrus::{FunctionBuilder, RefType};

    use super::*;

    /// A module with one table. Its exported function calls in there by the first type given; each further function
    /// stands in the table, has one type, and calls by another.
    fn module(called: &[ValType], entries: &[(&str, &[ValType], &[ValType])]) -> Vec<u8> {
        let mut module = Module::default();
        let table = module.tables.add_local(false, 8, None, RefType::FUNCREF);
        let mut function = |name: &str, own: &[ValType], called: &[ValType]| {
            let kind = module.types.add(called, &[]);
            let parameters: Vec<_> = own.iter().map(|kind| module.locals.add(*kind)).collect();
            let arguments: Vec<_> = called.iter().map(|kind| module.locals.add(*kind)).collect();
            let mut builder = FunctionBuilder::new(&mut module.types, own, &[]);
            let mut body = builder.name(name.to_owned()).func_body();
            for argument in arguments {
                body.local_get(argument);
            }
            body.i32_const(0).call_indirect(kind, table);
            builder.finish(parameters, &mut module.funcs)
        };
        let page = function("page", &[], called);
        let entries = entries.iter().map(|(name, own, called)| function(name, own, called)).collect();
        let offset = ConstExpr::Value(Value::I32(1));
        let segment = module.elements.add(ElementKind::Active { table, offset }, ElementItems::Functions(entries));
        module.tables.get_mut(table).elem_segments.insert(segment);
        module.exports.add("page", page);
        module.emit_wasm()
    }

    /// Place and name of each function in the table.
    fn entries(wasm: &[u8]) -> Vec<(i32, String)> {
        let module = Module::from_buffer(wasm).unwrap();
        let mut entries = Vec::new();
        for element in module.elements.iter() {
            let ElementKind::Active { offset: ConstExpr::Value(Value::I32(offset)), .. } = element.kind else {
                panic!("another kind of segment");
            };
            let ElementItems::Functions(functions) = &element.items else { panic!("another kind of entry") };
            let names = functions.iter().map(|function| module.funcs.get(*function).name.clone().unwrap());
            entries.extend((offset..).zip(names));
        }
        entries.sort();
        entries
    }

    const ONE: &[ValType] = &[ValType::I32];
    const TWO: &[ValType] = &[ValType::I32, ValType::I32];
    const LONG: &[ValType] = &[ValType::I64];

    #[test]
    fn what_can_be_called_stays_in_its_place() {
        let wasm = module(ONE, &[("a", TWO, LONG), ("b", ONE, ONE), ("c", TWO, LONG), ("d", ONE, ONE)]);
        assert_eq!(entries(&leave_out_uncalled(&wasm).unwrap()), [(2, "b".to_owned()), (4, "d".to_owned())]);
    }

    #[test]
    fn what_is_called_by_what_can_be_called_stays_too() {
        let wasm = module(ONE, &[("a", TWO, TWO), ("b", LONG, LONG), ("c", ONE, TWO)]);
        assert_eq!(entries(&leave_out_uncalled(&wasm).unwrap()), [(1, "a".to_owned()), (3, "c".to_owned())]);
    }
}
