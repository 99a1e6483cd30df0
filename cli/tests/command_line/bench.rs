//! `bench` measures everything once and tells it. How fast is not a matter for a test.

use crate::support::Folder;

#[test]
fn bench_tells_a_share_of_its_limit_for_each_kernel() {
    let folder = Folder::new("bench");
    let json = folder.done("bench --quick --quiet --threads 2 --json").json();
    assert_eq!(json["threads"], 2);
    assert!(["baseline", "avx2", "avx512"].contains(&json["isa"].as_str().unwrap()));
    assert!(json["cpu"].is_null() || json["cpu"].is_string());
    assert!(json["version"].is_string());
    for key in ["fma_gflops", "memory_gb_per_second", "seconds"] {
        assert!(json[key].as_f64().unwrap() > 0.0, "{key}");
    }
    let kernels = json["kernels"].as_array().unwrap();
    for group in ["gemm", "conv", "update", "layer", "sparse"] {
        assert!(kernels.iter().any(|k| k["group"] == group), "{group}");
    }
    for kernel in kernels {
        let positive = |key: &str| kernel[key].as_f64().is_some_and(|x| x.is_finite() && x > 0.0);
        assert!(positive("seconds") && positive("share"), "{kernel}");
        let rates = [positive("gflops"), positive("gb_per_second")];
        let limit = kernel["limit"].as_str().unwrap();
        match (kernel["group"].as_str().unwrap(), limit) {
            ("gemm" | "conv" | "sparse", "fma" | "bandwidth") => {
                assert_eq!(rates, [true, false], "{kernel}");
            }
            ("layer" | "update", "bandwidth") => assert_eq!(rates, [false, true], "{kernel}"),
            // A step with a penalty is measured against its own rule alone.
            ("update", other) => {
                let rule = other.strip_suffix("alone").unwrap_or_else(|| panic!("{kernel}"));
                assert!(kernel["name"].as_str().unwrap().starts_with(rule), "{kernel}");
            }
            _ => panic!("{kernel}"),
        }
    }
}

#[test]
fn bench_prints_a_table_for_each_group() {
    let folder = Folder::new("bench-text");
    let ran = folder.done("bench --quick --threads 1");
    for part in ["1 thread", "512x512x512 A^T B", "vgg conv2, weight gradient", "by column"] {
        assert!(ran.out.contains(part), "{part} should be in {}", ran.out);
    }
    assert!(ran.err.contains("measuring: gemm"), "{}", ran.err);
}
