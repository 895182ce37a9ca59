/* Preloaded into PyTorch it makes oneMKL take its AVX-512 path on an AMD CPU that has AVX-512: the
 * strongest fp32 peer there. Build: cc -shared -fPIC -O2 mkl_avx512.c -o mkl_avx512.so */
int mkl_serv_intel_cpu_true(void) { return 1; }
