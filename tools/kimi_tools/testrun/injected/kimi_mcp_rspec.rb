# A formatter for RSpec 3 that writes what happens to each example, as it happens.
require "json"
require "rspec/core"

class KimiMcpFormatter
  RSpec::Core::Formatters.register self, :start, :example_started, :example_passed, :example_failed,
                                   :example_pending, :message, :dump_summary, :close

  START = Dir.pwd

  def initialize(_output)
    @file = File.open(ENV.delete("KIMI_MCP_EVENTS"), "a")
    @messages = []
  end

  def start(notification)
    write(event: "total", count: notification.count)
  end

  def example_started(notification)
    example = notification.example
    path, line = place(example)
    write(event: "start", id: id(example), path: path, line: line)
  end

  def example_passed(notification)
    finish(notification.example, "passed")
  end

  def example_pending(notification)
    result = notification.example.execution_result
    status = result.respond_to?(:pending_exception) && result.pending_exception ? "xfailed" : "skipped"
    finish(notification.example, status, message: result.pending_message.to_s)
  end

  def example_failed(notification)
    example = notification.example
    error = notification.exception
    path, line = place(example)
    trace = Array(error.backtrace)
    inside = trace.find { |frame| relative(frame[/\A[^:]+/]) == path }
    trace = notification.respond_to?(:formatted_backtrace) ? notification.formatted_backtrace : trace
    text = error.message.to_s
    finish(example, "failed",
           line: inside ? inside[/:(\d+)/, 1].to_i : line,
           message: "#{error.class}: #{text.strip}".sub("RSpec::Expectations::ExpectationNotMetError: ", ""),
           trace: trace.join("\n"))
  end

  def message(notification)
    @messages << notification.message.to_s
  end

  def dump_summary(summary)
    return unless summary.respond_to?(:errors_outside_of_examples_count)
    return if summary.errors_outside_of_examples_count.zero?

    text = @messages.join("\n").strip
    file = text[/(?:loading|file) (\.?\S+\.rb)/, 1].to_s
    place = text[/(\S+\.rb):(\d+)/]
    message = text[/^\w*(?:Error|Exception):.*(?:\n  .*)?/].to_s.gsub(/\s+/, " ")
    write(event: "end", id: file.sub(%r{\A\./}, "").sub(/\.\z/, ""), path: relative(file.sub(/\.\z/, "")),
          line: place && relative(place[/\A[^:]+/]) == relative(file) ? place[/:(\d+)/, 1].to_i : 0,
          status: "error", message: message.empty? ? text.lines.first.to_s : message, trace: text,
          collecting: true)
  end

  def close(_notification)
    write(event: "done")
    @file.close
  end

  private

  def write(event)
    @file.puts(JSON.generate(event))
    @file.flush
  end

  def finish(example, status, **more)
    path, line = place(example)
    write({ event: "end", id: id(example), path: path, line: line, status: status,
            seconds: example.execution_result.run_time.to_f }.merge(more))
  end

  def id(example)
    "#{place(example)[0]}::#{example.full_description}"
  end

  def place(example)
    location = example.metadata
    [relative(location[:absolute_file_path] || location[:file_path]), location[:line_number].to_i]
  end

  def relative(path)
    File.expand_path(path.to_s, START).sub("#{START}/", "")
  end
end
