;; definitions
(rule (targets (word) @name)) @target
(variable_assignment name: (word) @name) @variable
(define_directive name: (word) @name) @macro

;; references
(variable_reference (word) @use)
(prerequisites (word) @call)
