async function withRetry<T>(
  fn: () => Promise<T>,
  maxRetries = 3,
  backoff = 100
): Promise<T> {
  let lastError;

  for (let attempt = 1; attempt <= maxRetries; attempt++) {
    try {
      return await fn();
    } catch (error) {
      lastError = error;

      // Don't retry on client errors
      if (error.status >= 400 && error.status < 500) {
        throw error;
      }

      // Wait before retry (exponential backoff)
      if (attempt < maxRetries) {
        await sleep(backoff * Math.pow(2, attempt - 1));
      }
    }
  }

  throw lastError;
}

// Usage
const price = await withRetry(() =>
  fetch(`/api/prices/${symbol}`).then((r) => r.json())
);
