;; definitions
(package_statement name: (package) @name) @package
(subroutine_declaration_statement name: (bareword) @name) @function

;; references
[(bareword) (package) (varname)] @use
(function_call_expression function: (function) @call)
(ambiguous_function_call_expression function: (function) @call)
(method_call_expression method: (method) @call)
(use_statement module: (package) @import)
