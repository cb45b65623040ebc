;; definitions
(method name: (_) @name) @method
(singleton_method name: (_) @name) @method
(class name: (_) @name) @class
(module name: (_) @name) @module
(singleton_class value: (constant) @name) @scope
(alias name: (_) @name) @method
(call method: (identifier) @_how arguments: (argument_list (simple_symbol) @name)
  (#match? @_how "^([cm]?attr|[cm]?attr_(reader|writer|accessor)|class_attribute)$")) @property
(call method: (identifier) @_how arguments: (argument_list . (simple_symbol) @name)
  (#any-of? @_how "alias_method" "define_method")) @method
(assignment left: (constant) @name) @constant

;; references
[(identifier) (constant) (instance_variable) (class_variable)] @use
(call method: [(identifier) (constant)] @call)
(superclass [(constant) @inherit (scope_resolution name: (constant) @inherit)])
(simple_symbol) @words
