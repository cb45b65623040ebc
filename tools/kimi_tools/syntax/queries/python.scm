;; definitions
(function_definition name: (identifier) @name) @function
(class_definition name: (identifier) @name) @class
(module (expression_statement (assignment left: (identifier) @name) @variable))
(class_definition body: (block (expression_statement (assignment left: (identifier) @name) @field)))
(type_alias_statement left: (type (identifier) @name)) @type

;; references
(identifier) @use
(call function: [(identifier) @call (attribute attribute: (identifier) @call)])
(decorator [(identifier) @call (attribute attribute: (identifier) @call)])
(import_statement name: [(dotted_name (identifier) @import) (aliased_import name: (dotted_name (identifier) @import))])
(import_from_statement module_name: [(dotted_name (identifier) @import) (relative_import (dotted_name (identifier) @import))])
(import_from_statement name: [(dotted_name (identifier) @import) (aliased_import name: (dotted_name (identifier) @import))])
(future_import_statement name: [(dotted_name (identifier) @import) (aliased_import name: (dotted_name (identifier) @import))])
(class_definition superclasses: (argument_list [(identifier) @inherit (attribute attribute: (identifier) @inherit)]))
