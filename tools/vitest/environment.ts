// Child processes of tests print what they print in a pipe: nx asks every task for colours, and they would be in the output.
delete process.env['FORCE_COLOR'];
