"""One small file per language, and the definitions that are in it.

Each expected line is `first-last kind qualified`.
"""

SAMPLES: dict[str, tuple[str, str]] = {
    "a.py": (
        """\
import os
from a.b import c as d

LIMIT = 3


class Foo(Base):
    \"\"\"A foo.

    More.
    \"\"\"

    field = 1

    @property
    def bar(self, x: int = 1) -> int:
        \"\"\"Bar it.\"\"\"
        return baz(x) + self.qux()

    def qux(self):
        def inner():
            pass
        return inner


async def top(
    a,
    b,
): return Foo(a).bar
""",
        """\
4-4 variable LIMIT
7-23 class Foo
13-13 field Foo.field
15-18 method Foo.bar
20-23 method Foo.qux
21-22 function Foo.qux.inner
26-29 function top
""",
    ),
    "a.js": (
        """\
import x, { y as z } from "m";
const LIMIT = 3;
/** Doc of foo. */
export function foo(a) { return bar(a); }
export default class Foo extends Base {
  count = 1;
  constructor() { super(); }
  get size() { return this.items.length; }
  static make() { return new Foo(); }
}
export const arrow = (a) => {
  const inner = 1;
  return inner;
};
module.exports.hello = function () {};
const obj = { run: () => 1, stop() {} };
function* gen() {}
""",
        """\
2-2 variable LIMIT
4-4 function foo
5-10 class Foo
6-6 field Foo.count
7-7 method Foo.constructor
8-8 method Foo.size
9-9 method Foo.make
11-14 function arrow
15-15 method module.exports.hello
16-16 variable obj
16-16 method obj.run
16-16 method obj.stop
17-17 function gen
""",
    ),
    "a.ts": (
        """\
import type { A } from "./a";
export interface Shape extends Base { area(): number; name: string; }
export type Id = string | number;
enum Color { Red, Green }
namespace N { export function inside(): void {} }
export abstract class Foo<T> implements Shape {
  private x = 1;
  abstract area(): number;
  bar(a: T): T { return this.baz(a); }
}
export const make = async (a: number): Promise<number> => { return a; };
declare function ext(a: number): void;
""",
        """\
2-2 interface Shape
2-2 method Shape.area
2-2 field Shape.name
3-3 type Id
4-4 enum Color
4-4 constant Color.Red
4-4 constant Color.Green
5-5 namespace N
5-5 function N.inside
6-10 class Foo
7-7 field Foo.x
8-8 method Foo.area
9-9 method Foo.bar
11-11 function make
12-12 function ext
""",
    ),
    "a.tsx": (
        """\
export const App = (props: P) => { return <View a={1}><Text/></View>; };
function useThing(): void {}
""",
        """\
1-1 function App
2-2 function useThing
""",
    ),
    "a.go": (
        """\
package main

import "fmt"

const Limit = 3

// Shape has an area.
type Shape interface {
	Area() float64
}

type Foo struct {
	Name string
}

type Id int

// Bar bars.
func (f *Foo) Bar(x int) int { return baz(x) + f.Qux() }

func (l List[T]) Len() int { return 0 }

func main() { fmt.Println(Foo{}) }

var global, other = 1, 2
""",
        """\
5-5 constant Limit
8-10 interface Shape
9-9 method Shape.Area
12-14 struct Foo
13-13 field Foo.Name
16-16 type Id
19-19 method Foo.Bar
21-21 method List.Len
23-23 function main
25-25 variable global
25-25 variable other
""",
    ),
    "a.rs": (
        """\
use std::collections::{HashMap, HashSet};
/// A foo.
#[derive(Debug)]
pub struct Foo<T> { name: T }
impl<T> Foo<T> {
    /// Bars.
    pub fn bar(&self, x: i32) -> i32 { baz(x) + self.qux() }
}
impl Shape for Bar { fn area(&self) -> f64 { 0.0 } }
pub trait Shape { fn area(&self) -> f64; fn d(&self) {} }
enum Color { Red, Green(i32) }
mod inner { pub fn f() {} }
macro_rules! m { () => {} }
const LIMIT: i32 = 3;
static S: i32 = 1;
type Id = u32;
fn main() { println!("x"); Foo::new(); let f = Foo { name: 1 }; }
""",
        """\
4-4 struct Foo
4-4 field Foo.name
7-7 method Foo.bar
9-9 method Bar.area
10-10 trait Shape
10-10 method Shape.area
10-10 method Shape.d
11-11 enum Color
11-11 constant Color.Red
11-11 constant Color.Green
12-12 module inner
12-12 function inner.f
13-13 macro m
14-14 constant LIMIT
15-15 variable S
16-16 type Id
17-17 function main
""",
    ),
    "A.java": (
        """\
package a.b;
import java.util.List;
/** A foo. */
@Deprecated
public class Foo extends Base implements Shape {
    private static final int LIMIT = 3;
    public Foo(int x) { this.x = x; }
    /** Bars. */
    @Override public int bar(int x) { return baz(x) + new Qux<>(x).y(); }
    enum Color { RED, GREEN }
    interface Inner { void m(); }
}
record Point(int x, int y) {}
@interface Ann { int v(); }
""",
        """\
4-12 class Foo
6-6 field Foo.LIMIT
7-7 constructor Foo.Foo
9-9 method Foo.bar
10-10 enum Foo.Color
10-10 constant Foo.Color.RED
10-10 constant Foo.Color.GREEN
11-11 interface Foo.Inner
11-11 method Foo.Inner.m
13-13 record Point
14-14 interface Ann
14-14 method Ann.v
""",
    ),
    "a.c": (
        """\
#include <stdio.h>
#define LIMIT 3
#define MAX(a, b) ((a) > (b))
/* A foo. */
struct foo { int a; char *b; };
typedef struct { int x; } point_t;
enum color { RED, GREEN };
static int counter = 0;
int bar(int x);
char *name(struct foo *f)
{
    return baz(f->b);
}
static inline int bar(int x) { return x; }
""",
        """\
2-2 macro LIMIT
3-3 macro MAX
5-5 struct foo
5-5 field foo.a
5-5 field foo.b
6-6 type point_t
6-6 field point_t.x
7-7 enum color
7-7 constant color.RED
7-7 constant color.GREEN
8-8 variable counter
9-9 declaration bar
10-13 function name
14-14 function bar
""",
    ),
    "a.cpp": (
        """\
#include <string>
namespace ns {
// A foo.
class Foo : public Base {
public:
    Foo(int x);
    ~Foo() {}
    int bar(int x) const { return baz(x); }
    virtual void pure() = 0;
    bool operator==(const Foo& o) const;
private:
    int member_;
};
template <typename T>
T max(T a, T b) { return a > b ? a : b; }
}
int ns::Foo::out(int x) { return this->bar(x); }
struct P { int x; };
enum class Color { Red };
using Id = int;
static const char* name() { return "x"; }
#define M 1
""",
        """\
2-16 namespace ns
4-13 class ns.Foo
6-6 declaration ns.Foo.Foo
7-7 method ns.Foo.~Foo
8-8 method ns.Foo.bar
9-9 declaration ns.Foo.pure
10-10 declaration ns.Foo.operator==
12-12 field ns.Foo.member_
14-15 function ns.max
17-17 method ns.Foo.out
18-18 struct P
18-18 field P.x
19-19 enum Color
19-19 constant Color.Red
20-20 type Id
21-21 function name
22-22 macro M
""",
    ),
    "a.cs": (
        """\
using System.Text;
namespace A.B
{
    /// <summary>Foo.</summary>
    public class Foo : Base, IShape
    {
        private int count;
        public int Size { get; set; }
        public Foo(int x) { }
        [Obsolete]
        public int Bar<T>(int x) { return Baz(x) + new Qux(1).Y<int>(); }
        enum Color { Red }
        event Action Changed;
    }
    public interface IShape { void M(); }
    public record R(int A);
    public struct S { }
    delegate void D();
}
""",
        """\
2-19 namespace A.B
5-14 class A.B.Foo
7-7 field A.B.Foo.count
8-8 property A.B.Foo.Size
9-9 constructor A.B.Foo.Foo
10-11 method A.B.Foo.Bar
12-12 enum A.B.Foo.Color
12-12 constant A.B.Foo.Color.Red
13-13 field A.B.Foo.Changed
15-15 interface A.B.IShape
15-15 method A.B.IShape.M
16-16 record A.B.R
17-17 struct A.B.S
18-18 type A.B.D
""",
    ),
    "a.rb": (
        """\
require "set"
# A module.
module M
  LIMIT = 3
  class Foo < Base
    attr_reader :name
    def initialize(x)
      @x = x
    end
    def self.make(x) = new(x)
    def bar?(x)
      baz(x) && qux
    end
    alias old bar?
  end
  class A::B
    def c; end
  end
end
""",
        """\
3-19 module M
4-4 constant M.LIMIT
5-15 class M.Foo
6-6 property M.Foo.name
7-9 method M.Foo.initialize
10-10 method M.Foo.make
11-13 method M.Foo.bar?
14-14 method M.Foo.old
16-18 class M.A.B
17-17 method M.A.B.c
""",
    ),
    "a.php": (
        """\
<?php
namespace A\\B;
use C\\D;
const LIMIT = 3;
/** A foo. */
abstract class Foo extends Bar implements I {
    use T;
    const C = 1;
    private $p = 1;
    public function bar(int $x): int { return baz($x) + $this->q() + Foo::s() + new D(); }
}
interface I { function m(); }
trait T { function t() {} }
enum E { case A; }
function top() {}
""",
        """\
2-2 namespace A.B
4-4 constant LIMIT
6-11 class Foo
8-8 constant Foo.C
9-9 field Foo.p
10-10 method Foo.bar
12-12 interface I
12-12 method I.m
13-13 trait T
13-13 method T.t
14-14 enum E
14-14 constant E.A
15-15 function top
""",
    ),
    "a.kt": (
        """\
package a.b
import x.y.Z
/** A foo. */
open class Foo(val a: Int) : Bar(), Shape {
    fun bar(x: Int): Int = baz(x) + this.qux()
    val p = 1
    companion object {
        const val LIMIT = 3
        fun make() = Foo(1)
    }
    enum class E { A, B }
}
interface Shape {
    fun area(): Int
}
object Single { fun z() { Foo(1).bar(2) } }
typealias T = Int
fun String.ext() {}
val top = 2
""",
        """\
4-12 class Foo
4-4 property Foo.a
5-5 method Foo.bar
6-6 property Foo.p
8-8 property Foo.LIMIT
9-9 method Foo.make
11-11 class Foo.E
11-11 constant Foo.E.A
11-11 constant Foo.E.B
13-15 interface Shape
14-14 method Shape.area
16-16 object Single
16-16 method Single.z
17-17 type T
18-18 function ext
19-19 variable top
""",
    ),
    "a.swift": (
        """\
import Foundation
/// A foo.
class Foo: Bar {
    var p: Int = 1
    init(a: Int) {}
    func bar(x: Int) -> Int { return baz(x) + self.q() }
}
struct S { let a = 1 }
enum E { case a, b(Int)
    func f() {}
}
protocol P { func q() }
extension Foo { func ext() {} }
func top() {}
typealias T = Int
let k = 1
actor A {}
""",
        """\
3-7 class Foo
4-4 property Foo.p
5-5 constructor Foo.init
6-6 method Foo.bar
8-8 struct S
8-8 property S.a
9-11 enum E
9-9 constant E.a
9-9 constant E.b
10-10 method E.f
12-12 protocol P
12-12 method P.q
13-13 method Foo.ext
14-14 function top
15-15 type T
16-16 variable k
17-17 class A
""",
    ),
    "a.scala": (
        """\
package a.b
import x.y.Z
/** A foo. */
class Foo(a: Int) extends Bar {
  def bar(x: Int): Int = baz(x)
  val p = 1
  type T = Int
}
object O { def main(args: Array[String]): Unit = { new Foo(1).bar(2) } }
trait T { def q(): Unit }
case class C(a: Int)
enum E { case A, B }
""",
        """\
4-8 class Foo
5-5 method Foo.bar
6-6 field Foo.p
7-7 type Foo.T
9-9 object O
9-9 method O.main
10-10 trait T
10-10 method T.q
11-11 class C
12-12 enum E
12-12 constant E.A
12-12 constant E.B
""",
    ),
    "a.lua": (
        """\
-- Foo.
local function foo(a) return bar(a) end
function M.baz(x) M.q(x) end
function M:meth() self:other() end
local x = function() end
M.f = function() end
local t = { g = function() end }
local c = require("c")
""",
        """\
2-2 function foo
3-3 method M.baz
4-4 method M.meth
5-5 function x
6-6 method M.f
7-7 variable t
7-7 function t.g
8-8 variable c
""",
    ),
    "a.sh": (
        """\
#!/bin/sh
# Foos.
foo() { bar "$X"; }
function baz {
  foo
}
X=1
export Y=2
""",
        """\
3-3 function foo
4-6 function baz
7-7 variable X
8-8 variable Y
""",
    ),
    "a.json": (
        """\
{"name": "x",
 "scripts": {"test": "y", "z": {"deep": 1}}}
""",
        """\
1-1 key name
2-2 key scripts
2-2 key scripts.test
2-2 key scripts.z
""",
    ),
    "a.yaml": (
        """\
name: x
jobs:
  test:
    steps: [1]
""",
        """\
1-1 key name
2-4 key jobs
3-4 key jobs.test
""",
    ),
    "a.html": (
        """\
<html><body><div id="main" class="c"><h1>Hi</h1></div></body></html>
""",
        """\
1-1 id main
""",
    ),
    "a.css": (
        """\
.foo, #bar > a:hover { color: red; }
@media print { .z { a: b } }
@keyframes spin { from { a: b } }
:root { --main: red }
""",
        """\
1-1 rule .foo, #bar > a:hover
2-2 rule .z
3-3 rule spin
4-4 rule :root
4-4 variable :root.--main
""",
    ),
    "a.toml": (
        """\
a = 1
[tool.x]
b = 2
[[arr]]
c = { d = 1 }
""",
        """\
1-1 key a
2-3 table tool.x
3-3 key tool.x.b
4-5 table arr
5-5 key arr.c
5-5 key arr.c.d
""",
    ),
    "a.md": (
        """\
# Title

x

## Section

y
""",
        """\
1-7 heading Title
5-7 heading Title.Section
""",
    ),
    "a.ex": (
        """\
defmodule A.B do
  alias X.Y
  # Foos.
  def foo(a), do: bar(a)
  defp bar(a) when a > 1 do
    Y.baz(a)
  end
  defmacro m(x) do
    x
  end
end
defprotocol P do
  def q(x)
end
defimpl P, for: Integer do
  def q(x), do: x
end
""",
        """\
1-11 module A.B
4-4 function A.B.foo
5-7 function A.B.bar
8-10 macro A.B.m
12-14 module P
13-13 function P.q
16-16 method P.q
""",
    ),
    "a.hs": (
        """\
module A.B where
import Data.List (sort)
data Foo = Foo Int | Bar deriving Show
newtype N = N Int
type T = Int
class C a where
  op :: a -> Int
-- | Doc.
f :: Int -> Int
f 2 = 3
f x = g x + 1
k = 2
""",
        """\
3-3 type Foo
3-3 constructor Foo.Foo
3-3 constructor Foo.Bar
4-4 type N
5-5 type T
6-7 class C
7-7 method C.op
10-10 function f
11-11 function f
12-12 variable k
""",
    ),
    "a.ml": (
        """\
open Foo
module M = struct
  let f x = g x + 1
  type t = A | B of int
end
(** Doc. *)
let rec h x = M.f x
and i y = y
let k = 1
class c = object method m = 1 end
exception E
module type S = sig val x : int end
""",
        """\
2-5 module M
3-3 function M.f
4-4 type M.t
4-4 constructor M.t.A
4-4 constructor M.t.B
7-7 function h
8-8 function i
9-9 variable k
10-10 class c
10-10 method c.m
11-11 exception E
12-12 interface S
12-12 method S.x
""",
    ),
    "a.mli": (
        """\
val f : int -> int
type t = A | B
""",
        """\
1-1 function f
2-2 type t
2-2 constructor t.A
2-2 constructor t.B
""",
    ),
    "a.zig": (
        """\
const std = @import("std");
pub fn foo(a: u8) u8 { return bar(a); }
const S = struct {
    x: u8,
    pub fn m(self: S) void { self.q(); }
};
const E = enum { a, b };
test "t" { }
var g: u8 = 1;
""",
        """\
1-1 variable std
2-2 function foo
3-6 struct S
4-4 field S.x
5-5 method S.m
7-7 enum E
7-7 field E.a
7-7 field E.b
8-8 test t
9-9 variable g
""",
    ),
    "a.jl": (
        """\
module M
struct Foo
 a::Int
end
mutable struct G{T} <: A end
abstract type T end
function f(x) g(x) end
function Base.show(io, x::Foo)::Int
end
h(x) = 1
macro m(x) end
const K = 1
f2(x::Int)::Int = 3
end
""",
        """\
1-14 module M
2-4 struct M.Foo
6-6 type M.T
7-7 function M.f
8-9 method M.Base.show
10-10 function M.h
11-11 macro M.m
12-12 constant M.K
13-13 function M.f2
""",
    ),
    "a.sql": (
        """\
CREATE TABLE foo (id INT PRIMARY KEY, name TEXT);
CREATE VIEW v AS SELECT * FROM foo;
CREATE FUNCTION f(a INT) RETURNS INT AS $$ SELECT 1 $$ LANGUAGE sql;
CREATE INDEX i ON foo (name);
CREATE TYPE t AS ENUM ('a');
CREATE TRIGGER tr BEFORE INSERT ON foo FOR EACH ROW EXECUTE FUNCTION f();
""",
        """\
1-1 table foo
2-2 view v
3-3 function f
4-4 index i
5-5 type t
6-6 trigger tr
""",
    ),
    "a.m": (
        """\
#import <F/F.h>
@interface Foo : NSObject <P>
@property int p;
- (void)bar:(int)x with:(int)y;
@end
@implementation Foo
- (void)bar:(int)x with:(int)y { [self q:x]; baz(1); }
@end
@protocol P
- (void)q;
@end
int top(int a) { return a; }
""",
        """\
2-5 interface Foo
3-3 property Foo.p
4-4 declaration Foo.bar
6-8 class Foo
7-7 method Foo.bar
9-11 protocol P
10-10 declaration P.q
12-12 function top
""",
    ),
    "a.groovy": (
        """\
package a
import b.C
class Foo extends Bar {
    def p = 1
    int bar(int x) {
        baz(x)
    }
}
interface I { void m() }
def top(x) {
    x
}
""",
        """\
3-8 class Foo
4-4 field Foo.p
5-7 method Foo.bar
9-9 interface I
9-9 method I.m
10-12 function top
""",
    ),
    "a.dart": (
        """\
import 'a.dart';
/// Foo.
class Foo extends Bar {
  int p = 1;
  Foo(this.p);
  int bar(int x) {
    return baz(x);
  }
  get g => 1;
  static void s() {}
}
enum E { a, b }
mixin M { void q() {} }
extension X on Foo { void e() {} }
void top() {
  Foo(1).bar(2);
}
typedef T = int;
""",
        """\
3-11 class Foo
4-4 field Foo.p
5-5 constructor Foo.Foo
6-8 method Foo.bar
9-9 property Foo.g
10-10 method Foo.s
12-12 enum E
12-12 constant E.a
12-12 constant E.b
13-13 class M
13-13 method M.q
14-14 class X
14-14 method X.e
15-17 function top
18-18 type T
""",
    ),
    "a.pl": (
        """\
package Foo::Bar;
use A::B;
# Makes.
sub new { my $c = shift; return bless {}, $c; }
sub foo {
  my ($x) = @_;
  bar($x); $self->baz(1);
}
""",
        """\
1-1 package Foo.Bar
4-4 function new
5-8 function foo
""",
    ),
    "a.tf": (
        """\
resource "aws_x" "y" { a = var.b }
variable "b" { default = 1 }
locals { z = 1 }
""",
        """\
1-1 block y
2-2 block b
3-3 block locals
""",
    ),
    "Makefile": (
        """\
X := 1
all: foo bar
	echo hi
foo:
	gcc x
define F
a
endef
""",
        """\
1-1 variable X
2-3 target all
4-5 target foo
6-8 macro F
""",
    ),
}
