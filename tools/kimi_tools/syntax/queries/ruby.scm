;; definitions
(method name: (_) @name) @method
(singleton_method name: (_) @name) @method
(class name: (_) @name) @class
(module name: (_) @name) @module
(singleton_class value: (constant) @name) @scope
(alias name: (_) @name) @method
(assignment left: (constant) @name) @constant

;; references
[(identifier) (constant) (instance_variable) (class_variable)] @use
(call method: [(identifier) (constant)] @call)
(superclass [(constant) @inherit (scope_resolution name: (constant) @inherit)])
