import CVolute

#if canImport(Darwin)
  import Darwin
#endif

/// What the system says of processors and of the threads on them.
package enum Processor {
  /// The one that this thread is on; -1 where nobody says.
  package static var current: Int { volute_processor() }

  /// Moves this thread to another, where there is one on which it may run. It may come back.
  package static func leave(_ processor: Int) { volute_leave_processor(processor) }

  /// The name of the kind.
  static let name: String = {
    #if canImport(Darwin)
      var size = 0
      sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
      var bytes = [UInt8](repeating: 0, count: size)
      sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0)
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    #else
      let text = SmallFile.bytes(of: "/proc/cpuinfo", atMost: 16 << 20).map {
        String(decoding: $0, as: UTF8.self)
      }
      // Intel and AMD say it in one line, ARM in two numbers.
      let fields = ["model name", "CPU implementer", "CPU part"].compactMap { field in
        text?.split(separator: "\n").first { $0.hasPrefix(field) }?.split(separator: ":").last.map(
          String.init)
      }
      let name = fields.joined().drop { $0 == " " }
      return name.isEmpty ? "unknown" : String(name)
    #endif
  }()
}
