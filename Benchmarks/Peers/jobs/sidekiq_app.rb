# Sidekiq on Redis, as it comes: a job is lost when its worker dies. `sidekiq_app.rb COUNT` enqueues.
require "json"
require "sidekiq"

Redis.sadd_returns_boolean = false # silences a warning for each job
redis = { url: ENV.fetch("BROKER") }
Sidekiq.configure_client { |config| config.redis = redis }
Sidekiq.configure_server do |config|
  config.redis = redis
  config.logger.level = Logger::WARN
end

# Measured is from the first job to the last.
module Probe
  TOTAL = ENV.fetch("TOTAL", "0").to_i
  @lock, @seen = Mutex.new, 0

  def self.now = [Process::CLOCK_MONOTONIC, Process::CLOCK_PROCESS_CPUTIME_ID].map { Process.clock_gettime(_1) }

  def self.report(begun, count)
    secs, cpu = now.zip(begun).map { _1 - _2 }
    text = JSON.dump(n: count, secs: secs, per_s: count / secs, cpu_s_per_100k: cpu * 100_000 / count)
    result = ENV["RESULT"] or return puts(text)
    File.write("#{result}.part", text)
    File.rename("#{result}.part", result)
  end

  def self.handled
    @lock.synchronize do
      @seen += 1
      @begun = now if @seen == 1
      report(@begun, TOTAL) if @seen == TOTAL
    end
  end
end

class Task
  include Sidekiq::Worker
  sidekiq_options retry: false

  def perform(_number, _fill) = Probe.handled
end

if $PROGRAM_NAME == __FILE__
  count = ARGV[0].to_i
  Sidekiq.redis(&:ping)
  begun = Probe.now
  count.times { Task.perform_async(_1, "x" * 29) }
  Probe.report(begun, count)
end
